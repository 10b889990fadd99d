"""The rules about headers: what each takes away and what it leaves, and that none adds anything. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import Divergence, IgnoreField, ResponseRecord, ShadowConfig
from trioshadow.compare import HeaderAs, HeaderKind, IgnoreCookie, IgnoreHeader

NOON = "Wed, 21 Oct 2026 07:28:00 GMT"
LATER = "Wed, 21 Oct 2026 07:28:02 GMT"


def names(primary, shadow, *rules):
    sides = [ResponseRecord(b"", headers=headers) for headers in (primary, shadow)]
    divergence = Divergence.compare(*sides, ShadowConfig(ignore=rules))
    return [] if divergence is None else [change.cookie or change.name for change in divergence.headers.changes]


def lines(values):
    return [("X-A", value) for value in ([values] if isinstance(values, str) else values)]


# ── a header as what it is ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("list", "a,b", " a , b,"),
        ("list", '"a,b", c', ['"a,b"', "", "c"]),
        ("set", "a, b, a", "b,a"),
        ("set", ["a", "b"], "b, a"),
        ("parameters", "a=1; b=2", 'B="2";a=1'),
        ("parameters", "a=1, b=2", 'B="2",a=1'),
        ("parameters", "text/x;c=1;d=2, y", "Y, Text/X; d=2; C=1"),
        ("parameters", 'a=""', "a"),
        ("date", NOON, "2026-10-21T09:28:00+02:00"),
        ("date", NOON, "@1792567680"),
        ("date", [NOON, LATER], [NOON, "2026-10-21T07:28:02Z"]),
        ("number", "7", "+007.0"),
        ("number", "-0", "0"),
        ("text", "Oak  table", " OAK TABLE"),
        ("text", "STRASSE", "straße"),
    ],
)
def test_a_header_is_compared_as_what_it_is(kind, one, other):
    assert names(lines(one), lines(other)) == ["x-a"]
    assert names(lines(one), lines(other), HeaderAs("X-*", kind)) == []
    assert names(lines(one), lines(other), HeaderAs("x-a", HeaderKind(kind))) == []
    assert names(lines(one), lines(other), HeaderAs("x-b", kind)) == ["x-a"]


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("list", "a, b", "b, a"),
        ("list", "a", "A"),
        ("list", 'a "b', 'a  "b'),
        ("set", "a", "A"),
        ("set", "a", "a, b"),
        ("parameters", "a=1", "a=2"),
        ("parameters", "a=b", "a=B"),
        ("parameters", "a, a", "a"),
        ("parameters", "a; b; c=1", "a; c=1, b"),
        ("date", NOON, LATER),
        ("date", NOON, "soon"),
        ("date", "2026-10-21T07:28:00", "2026-10-21 07:28:00"),
        ("date", [NOON, NOON], NOON),
        ("date", "2026-11-30T00:00:00.000000001Z", "2026-11-30T00:00:00.0000000019Z"),
        ("number", "1", "2"),
        ("number", "1e1", "10"),
        ("number", "1" * 31, "01" + "1" * 30),
        ("text", "a", "ab"),
        ("text", ["a", "b"], "a b"),
    ],
)
def test_and_what_differs_then_still_does(kind, one, other):
    assert names(lines(one), lines(other), HeaderAs("x-a", kind)) == ["x-a"]


def test_dates_and_numbers_may_differ_by_so_much():
    assert names({"x": NOON}, {"x": LATER}, HeaderAs("x", "date", within=2)) == []
    assert names({"x": LATER}, {"x": NOON}, HeaderAs("x", "date", within=2)) == []
    assert names({"x": NOON}, {"x": LATER}, HeaderAs("x", "date", within=1.9)) == ["x"]
    nanoseconds = [{"x": f"2026-11-30T00:00:00.00000000{n}Z"} for n in (1, 4)]
    assert names(*nanoseconds, HeaderAs("x", "date", within=4e-9)) == []
    assert names(*nanoseconds, HeaderAs("x", "date", within=2e-9)) == ["x"]
    assert names({"x": "10"}, {"x": "10.1"}, HeaderAs("x", "number", within=0.11)) == []
    assert names({"x": "10"}, {"x": "11"}, HeaderAs("x", "number", within=0.11)) == ["x"]
    # Also of headers that are known to be dates and numbers.
    assert names({"last-modified": NOON}, {"last-modified": LATER}, HeaderAs("last-modified", "date", within=5)) == []
    assert names({"age": "3"}, {"age": "5"}, HeaderAs("age", "number", within=2)) == []


def test_a_header_that_is_not_there_is_nothing_to_compare():
    assert names({"x": ""}, {}, HeaderAs("x", "text")) == ["x"]
    assert names({}, {"x": ""}, HeaderAs("x", "list")) == ["x"]


def test_a_rule_leaves_what_is_the_same_without_it():
    assert names({"vary": "A, b"}, {"vary": "B, a"}, HeaderAs("vary", "list"), HeaderAs("vary", "number")) == []


def test_a_secret_that_differs_by_a_rule_is_still_masked():
    sides = [ResponseRecord(b"", headers={"x-api-key": f"s3cret {n}"}) for n in range(2)]
    divergence = Divergence.compare(*sides, ShadowConfig(ignore=[HeaderAs("*", "text")]))
    assert "s3cret" not in repr(divergence)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: HeaderAs("", "list"), ValueError, "name must be the name of a header"),
        (lambda: HeaderAs("x y", "list"), ValueError, "name must be the name of a header"),
        (lambda: HeaderAs(None, "list"), TypeError, "name must be a str, not NoneType"),
        (
            lambda: HeaderAs("x", "array"),
            ValueError,
            "kind must be one of list, set, parameters, date, number, text, not 'array'",
        ),
        (lambda: HeaderAs("x", 1), TypeError, "kind must be a str, not int"),
        (lambda: HeaderAs("x", "date", within=-1), ValueError, r"within must be a number in \[0, inf\), not -1"),
        (lambda: HeaderAs("x", "date", within="1"), TypeError, "within must be a number, not str"),
        (lambda: HeaderAs("x", "list", within=1), ValueError, "within is for a date or a number, not for a list"),
        (lambda: HeaderAs("Set-Cookie", "list"), ValueError, "IgnoreCookie"),
        (lambda: IgnoreCookie(3), TypeError, "name must be a str, not int"),
        (lambda: IgnoreCookie(" sid"), ValueError, "name must be the name of a cookie, not ' sid'"),
        (lambda: IgnoreCookie("sid", ""), ValueError, "attribute must be 'value', or the name of an attribute"),
        (lambda: IgnoreCookie("sid", "path=/"), ValueError, "attribute must be"),
        (lambda: IgnoreCookie("sid", 3), TypeError, "attribute must be a str, not int"),
    ],
)
def test_a_rule_is_checked_where_it_is_made(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_rules_are_data():
    assert HeaderAs("X-A", "date", within=1) == HeaderAs("x-a", HeaderKind.DATE, within=1.0)
    assert len({HeaderAs("x", "date"), HeaderAs("x", "set"), IgnoreCookie(), IgnoreCookie("*"), IgnoreHeader("x")}) == 4
    assert IgnoreCookie("Sid", "Max-Age").attribute == "max-age"


# ── cookies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def cookie_names(one, other, *rules):
    sides = ([("Set-Cookie", line) for line in lines] for lines in (one, other))
    return names(*sides, *rules)


def test_a_cookie_is_not_compared():
    one, other = ["sid=1", "theme=dark"], ["sid=2", "theme=light", "lang=en"]
    assert cookie_names(one, other) == ["lang", "sid", "theme"]
    assert cookie_names(one, other, IgnoreCookie("sid"), IgnoreCookie("l*")) == ["theme"]
    assert cookie_names(one, other, IgnoreCookie("SID")) == ["lang", "sid", "theme"]
    assert cookie_names(one, other, IgnoreCookie()) == []
    assert cookie_names(one, [], IgnoreCookie()) == []
    assert names({"x": "1"}, {"x": "2"}, IgnoreCookie()) == ["x"]


def test_a_part_of_a_cookie_is_not_compared():
    one, other = ["sid=1; Path=/; Expires=" + NOON], ["sid=2; Path=/; Expires=" + LATER]
    value, expires = IgnoreCookie("sid", "value"), IgnoreCookie("s*", "Expires")
    assert cookie_names(one, other, value) == ["sid"]
    assert cookie_names(one, other, expires) == ["sid"]
    assert cookie_names(one, other, value, expires) == []
    assert cookie_names(one, [], value, expires) == ["sid"]
    assert cookie_names(["sid=1; Path=/"], ["sid=1"], IgnoreCookie("sid", "path")) == []
    assert cookie_names(["sid=1; Path=/"], ["sid=1"], IgnoreCookie("id", "path")) == ["sid"]


def test_a_max_age_that_is_ignored_brings_no_expires_back():
    one, other = [f"sid=1; Max-Age=60; Expires={time}" for time in (NOON, LATER)]
    assert cookie_names([one], [other]) == []
    assert cookie_names([one], [other], IgnoreCookie("sid", "max-age")) == []
    longer = [other.replace("60", "70")]
    assert cookie_names([one], longer) == ["sid"]
    assert cookie_names([one], longer, IgnoreCookie("*", "max-age")) == ["sid"]
    assert cookie_names([one], longer, IgnoreCookie("*", "max-age"), IgnoreCookie("*", "expires")) == []


# ── no rule adds anything ────────────────────────────────────────────────────────────────────────────────────────────

#: Pieces that headers which are nearly equal are made of.
TOKENS = st.sampled_from(
    ["a", "A", "b", "q=1", 'a="b, c"', "a=b", "max-age=1", "007", "7", "gzip", '"', "text/x", NOON, LATER]
)
GAPS = st.sampled_from([",", ", ", ";", "; ", " ", "", " ,", "="])
VALUES = st.lists(st.tuples(TOKENS, GAPS), min_size=1, max_size=3).map(lambda parts: "".join(a + b for a, b in parts))
ATTRIBUTES = st.sampled_from(
    ["Max-Age=1", "max-age=01", "max-age=2", f"Expires={NOON}", f"expires={LATER}", "Path=/", "path", "Secure"]
)
COOKIES = st.builds(
    lambda pair, attributes: "; ".join([pair, *attributes]),
    st.sampled_from(["s=1", "s=2", "t=1", "s"]),
    st.lists(ATTRIBUTES, max_size=3),
)
NAMES = ["vary", "cache-control", "content-type", "link", "age", "date", "x-a", "x-b", "authorization"]
HEADERS = st.lists(
    st.tuples(st.sampled_from(NAMES), VALUES) | st.tuples(st.just("set-cookie"), COOKIES),
    max_size=4,
)
GLOBS = st.sampled_from(["*", "x-*", "vary", "x-a", "age", "cache-control", "s*"])
RULES = st.one_of(
    st.builds(IgnoreHeader, GLOBS),
    st.builds(HeaderAs, GLOBS, st.sampled_from(HeaderKind)),
    st.builds(HeaderAs, GLOBS, st.sampled_from(["date", "number"]), within=st.sampled_from([1, 5.5, 1000])),
    st.builds(
        IgnoreCookie,
        st.sampled_from(["*", "s", "t", ""]),
        st.sampled_from([None, "value", "max-age", "expires", "path", "secure"]),
    ),
    st.just(IgnoreField.STATUS),
)


@st.composite
def pairs(draw):
    """Headers of two answers, the second often an edited copy of the first."""
    one = draw(HEADERS)
    edited = [
        (name, draw(st.sampled_from([value, value.upper(), value.replace(", ", ","), f" {value}", value.lower()])))
        for name, value in one
    ]
    other = draw(st.just(edited) | st.permutations(edited) | HEADERS)
    return one, other


@given(pairs(), st.lists(RULES, max_size=4), RULES)
def test_a_rule_about_headers_only_takes_away(both, rules, one_more):
    without, with_it = names(*both, *rules), names(*both, *rules, one_more)
    assert set(with_it) <= set(without)
    assert set(names(*both, *rules)) <= set(names(*both))
    assert names(*both, *reversed(rules)) == without  # and their order says nothing


@given(pairs(), st.lists(RULES, max_size=2))
def test_which_side_is_the_primary_says_nothing(both, rules):
    one, other = both
    assert names(one, other, *rules) == names(other, one, *rules)
    assert names(one, one, *rules) == []
