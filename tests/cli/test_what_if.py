"""`report --rule`: what of the kept differences would be gone. Archives are written and read by the library."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import attrs
import pytest

from trioshadow import Capture, Captured, FailureKind, ResponseRecord, ShadowConfig, ShadowFailure, Verdict
from trioshadow._settings.capture import captured
from trioshadow.archive import Redaction, read_archive
from trioshadow.cli.common.rules import read_rule
from trioshadow.cli.report import what_if as module
from trioshadow.cli.report.what_if import what_if
from trioshadow.compare import IgnorePath, Unordered

from tests.support.archives import record, shadowed, written
from tests.support.commands import run

NOT_KEPT = "their answers were not kept"
IN_PART = "their answers were cut or masked"
OTHERWISE = "compared again, their answers differ in another way"
MORE = "not all of their differences were kept"
FAILED = "a rule failed, or they can't be compared"


def response(body=b"{}", status=200, **headers):
    typed = {"content-type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    return ResponseRecord(body if isinstance(body, bytes) else json.dumps(body).encode(), status=status, headers=typed)


def kept(old, new, *, limit=4_096, redaction=None, **config):
    """A record with its answers."""
    answers = Captured(None, captured(old, limit), captured(new, limit))
    return (redaction or Redaction()).apply(record(old=old, new=new, captured=answers, **config))


def asked(path, rules, *records):
    path = Path(tempfile.mkdtemp(dir=path)) / "a.jsonl"
    written(path, *records)
    return what_if(tuple(map(read_rule, rules)), read_archive(path).records())


def fate(path, rules, one):
    """Of one record: what, or why that is not known."""
    told = asked(path, rules, one)
    assert told.records == 1
    (found,) = [name for name in ("gone", "smaller", "left", "unknown") if getattr(told, name)]
    return found if found != "unknown" else next(iter(told.unknown_because))


def raised(old, new, **config):
    """A record of two exceptions."""
    comparison = ShadowConfig(**config).comparison
    found = comparison.divergence_of_errors(comparison.raised(old), new and comparison.raised(new))
    return record(old=found)


# ── by the places alone ──────────────────────────────────────────────────────────────────────────────────────────────

PRICES = {"id": 1, "total": 1.0, "made_at": "a", "items": [{"id": 1}, {"id": 2}]}
OTHERS = {"id": 2, "total": 1.5, "made_at": "b", "items": [{"id": 3}, {"id": 4}]}


@pytest.mark.parametrize(
    ("old", "new", "rules", "found"),
    [
        # The rules that ignore: by what they say.
        ({"id": 1}, {"id": 2}, ["ignore-path $.id"], "gone"),
        ({"id": 1}, {"id": 2}, ["ignore-path $.other"], "left"),
        ({"id": 1, "a": 1}, {"id": 2, "a": 2}, ["ignore-path $.id"], "smaller"),
        ({"id": 1}, {"id": 2}, ["ignore-path $"], "gone"),
        ({"made_at": 1}, {"made_at": 2}, ["ignore-name *_at"], "gone"),
        ({"a": 1, "b": [1]}, {"a": 2, "b": [1]}, ["only $.b"], "gone"),
        ({"a": 1, "b": [1]}, {"a": 1, "b": [2]}, ["only $.b"], "left"),
        (PRICES, OTHERS, ["ignore-path $.id", "ignore-name total", "ignore-path $.items[*].id"], "smaller"),
        (PRICES, OTHERS, ["ignore-field body"], "gone"),
        ({"a": [1, 1]}, {"a": [2, 2]}, ["ignore-path $.a[0]"], "left"),  # of a field a part
        ({"items": [{"id": 1}]}, {"items": []}, ["ignore-path $.items[*].id"], "left"),
        (response(status=200), response(status=201), ["ignore-field status"], "gone"),
        (response(status=200), response(status=201), ["ignore-field body"], "left"),
        (response(x_a="1"), response(x_a="2"), ["ignore-header x-*"], "gone"),
        (response(x_a="1"), response(x_a="2"), ["ignore-field headers"], "gone"),
        (response(x_a="1"), response(x_b="2"), ["ignore-header x-a"], "smaller"),
        (response(set_cookie="a=1"), response(set_cookie="a=2"), ["ignore-cookie a"], "gone"),
        (response(set_cookie="a=1"), response(set_cookie="a=2"), ["ignore-cookie b"], "left"),
        (response(set_cookie="a=1"), response(set_cookie="a=2"), ["ignore-cookie a value"], NOT_KEPT),
        # The others: they may have met it, or can't.
        ({"a": 1}, {"a": 2}, ["tolerance $.a abs=1"], NOT_KEPT),
        ({"a": 1}, {"a": 2}, ["tolerance $..a abs=1"], NOT_KEPT),
        ({"a": 1}, {"a": 2}, ["tolerance $.b abs=1"], "left"),
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, ["tolerance $.a abs=1", "ignore-path $.a"], "smaller"),
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, ["tolerance $.a abs=1", "ignore-path $.b"], NOT_KEPT),
        ({"a": None}, {}, ["default $.a"], NOT_KEPT),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["unordered $.a"], NOT_KEPT),
        ({"a": [[1], [2]]}, {"a": [[3], [4]]}, ["unordered $.b"], "left"),
        ({"a": 1}, {"a": 2}, ["normalize $ builtins:len"], NOT_KEPT),
        ({"a": 1}, {"a": 2}, ["accept operator:eq"], NOT_KEPT),
        ({"a": 1}, {"a": 2}, ["compare-with builtins.int operator:eq"], NOT_KEPT),
        (response(x_a="1"), response(x_a="2"), ["header-as x-* set"], NOT_KEPT),
        (response(x_a="1"), response(x_a="2"), ["header-as y-* set"], "left"),
        (response(x_a="1"), response(x_a="2"), ["tolerance $..a abs=1"], "left"),
        (b"\x00\xff", b"\x01\xff", ["ignore-path $"], "gone"),
        (b"\x00\xff", b"\x01\xff", ["ignore-path $.a"], "left"),
        ({(1, 2): 1}, {(1, 2): 2}, ["ignore-path $.a"], NOT_KEPT),  # nobody knows where that is
        ({"a" * 200: 1}, {"a" * 200: 2}, ["ignore-path $.a"], NOT_KEPT),
        ({"a" * 200: 1}, {"a" * 200: 2}, ["ignore-path $"], "gone"),
        ({"a": {1, 2}}, {"a": {1, 3}}, ["ignore-path $.a[*]"], "gone"),
    ],
)
def test_where_answers_were_not_kept_the_places_say_what_a_rule_takes(tmp_path, old, new, rules, found):
    assert fate(tmp_path, rules, record(old=old, new=new)) == found
    again = fate(tmp_path, rules, attrs.evolve(kept(old, new)))
    if found != NOT_KEPT:
        assert again == found, "comparing again says the same"


@pytest.mark.parametrize(
    ("old", "new", "rules", "found"),
    [
        (OSError(5, "a"), OSError(6, "a"), ["ignore-path $.errno"], "gone"),
        (OSError(5, "a"), OSError(6, "a"), ["ignore-path $.args"], "left"),
        (OSError(5, "a"), OSError(6, "a"), ["tolerance $.errno abs=1"], NOT_KEPT),
        (OSError(5, "a"), OSError(6, "a"), ["accept operator:eq"], "left"),
        (OSError(2, "a"), None, ["ignore-field body", "ignore-path $"], "left"),
        (KeyError("a"), ValueError("b"), ["same-error KeyError ValueError"], NOT_KEPT),
        (KeyError("a"), ValueError("b"), ["ignore-path $"], "left"),
    ],
)
def test_exceptions_are_never_kept(tmp_path, old, new, rules, found):
    assert fate(tmp_path, rules, raised(old, new)) == found


def test_what_was_kept_beside_an_exception_says_nothing_of_it(tmp_path):
    one = raised(OSError(5, "a"), OSError(6, "a"))
    one = attrs.evolve(one, captured=Captured(None, "1", "2"))
    assert fate(tmp_path, ["tolerance $.errno abs=1"], one) == NOT_KEPT


def test_a_message_is_at_no_path(tmp_path):
    error = raised(OSError(5, "a"), OSError(6, "b"), strict_errors=True)
    assert fate(tmp_path, ["ignore-path $"], error) == "smaller"


def test_what_is_told_as_a_whole_may_hide_what_a_rule_is_about(tmp_path):
    """Elements without an order: those that are not the same are told in pairs, as wholes."""
    one = record(old=PRICES["items"], new=OTHERS["items"], ignore=[Unordered("$")])
    assert fate(tmp_path, ["ignore-path $[*].id"], one) == NOT_KEPT
    assert fate(tmp_path, ["ignore-path $.id"], one) == "left"


def test_changes_that_were_not_kept_are_not_judged_unless_all_of_the_body_is_ignored(tmp_path):
    old, new = (dict.fromkeys("abcd", number) for number in (1, 2))
    one = record(old=old, new=new, max_changes=2)
    rules = [f"ignore-path $.{name}" for name in "abcd"]
    assert fate(tmp_path, rules, one) == NOT_KEPT
    assert fate(tmp_path, ["ignore-path $"], one) == "gone"
    assert fate(tmp_path, ["ignore-field body"], one) == "gone"
    assert fate(tmp_path, rules, kept(old, new, max_changes=2)) == "gone"
    assert fate(tmp_path, rules[:3], kept(old, new, max_changes=2)) == "smaller"
    by_others = kept(old, new, max_changes=2, ignore=[IgnorePath("$.d")])
    assert fate(tmp_path, rules, by_others) == OTHERWISE, "which two of the four, nobody knows"


def test_headers_beyond_those_whose_values_are_kept_have_a_name(tmp_path):
    old, new = (response(**{f"x_{n:03}": str(number) for n in range(120)}) for number in (1, 2))
    assert fate(tmp_path, ["ignore-header x-*"], kept(old, new)) == "gone"
    assert fate(tmp_path, ["header-as x-* set"], kept(old, new)) == "left"
    told = asked(tmp_path, ["header-as x-119 set"], kept(old, new))
    assert (told.left, sum(row.unknown for row in told.fields)) == (1, 1)


# ── compared again ───────────────────────────────────────────────────────────────────────────────────────────────────


def accept_small(primary, shadow):
    return abs(len(primary.body) - len(shadow.body)) < 2


def fail(primary, shadow):
    raise LookupError


@pytest.mark.parametrize(
    ("old", "new", "rules", "found"),
    [
        ({"a": 1}, {"a": 2}, ["tolerance $.a abs=1"], "gone"),
        ({"a": 1}, {"a": 3}, ["tolerance $.a abs=1"], "left"),
        ({"a": 1, "b": 1}, {"a": 2, "b": 3}, ["tolerance $.* abs=1"], "smaller"),
        ({"a": [1, 3]}, {"a": [2, 9]}, ["tolerance $.a[*] abs=1"], "left"),  # one field
        ({"a": None}, {}, ["default $.a"], "gone"),
        ([1, 2, 3], [3, 2, 1], ["unordered $"], "gone"),
        ({"a": [{"id": 1, "n": 1}, {"id": 2, "n": 1}]}, {"a": [{"id": 2, "n": 1}]}, ["keyed-by $.a id"], "smaller"),
        (response({"a": 1}), response({"a": 2}), ["tolerance $.a abs=1"], "gone"),
        (response({"a": 1}), response({"a": 2}, 201), ["tolerance $.a abs=1"], "smaller"),
        (response(x_a="1, 2"), response(x_a="2, 1"), ["header-as x-a set"], "gone"),
        (response(x_a="1, 2"), response(x_a="2, 3"), ["header-as x-a set"], "left"),
        (ResponseRecord({"a": 1}), ResponseRecord({"a": 2}), ["tolerance $.a abs=1"], "gone"),
        (ResponseRecord("A"), ResponseRecord("a"), ["same-text $ ignore_case=true"], "gone"),
        ("A", "a", ["same-text $ ignore_case=true"], "gone"),
        ("a\nb", "a\nB", ["same-text $[*] ignore_case=true"], "gone"),
        (b"1", b"2", ["accept operator:ne path=$"], "gone"),
        (response(b"1"), response(b"22"), [f"accept {__name__}:accept_small"], "gone"),
        (response(b"1"), response(b"333"), [f"accept {__name__}:accept_small"], "left"),
        (response(b"1", 200), response(b"1", 201), [f"accept {__name__}:accept_small"], "gone"),
        (response(b"1"), response(b"2"), [f"accept {__name__}:fail"], FAILED),
        # Half of it can't be told: it is not gone.
        (
            response({"a": 1}, set_cookie="a=1"),
            response({"a": 2}, set_cookie="a=2"),
            ["tolerance $.a abs=1"],
            "smaller",
        ),
        # What is not whole.
        (response(b"1", x_a="a" * 300), response(b"2", x_a="a" * 300), [f"accept {__name__}:accept_small"], IN_PART),
        (response(b"1", set_cookie="a"), response(b"2"), [f"accept {__name__}:accept_small"], IN_PART),
        (ResponseRecord("1"), ResponseRecord("1", status=201), [f"accept {__name__}:accept_small"], IN_PART),
        (response({"a": "*** 1"}), response({"a": "*** 2"}), ["accept operator:ne path=$.a"], IN_PART),
        (response(x_a="a" * 300), response(x_a="b"), ["header-as x-a text"], IN_PART),
        (response(set_cookie="a=1"), response(set_cookie="a=2"), ["ignore-cookie a value"], IN_PART),
        ({"a": 1, "b": "x" * 5_000}, {"a": 2, "b": "x" * 5_000}, ["tolerance $.a abs=1"], IN_PART),
        ("a\n" + "x" * 5_000, "b\n" + "x" * 5_000, ["same-text $[0] pattern=."], OTHERWISE),
        ("a" * 5_000, "A" * 5_000, ["same-text $ ignore_case=true"], OTHERWISE),
        (response(b"[1]" + b" " * 5_000), response(b"[2]" + b" " * 5_000), ["tolerance $[*] abs=1"], IN_PART),
        # A header can be told without the body.
        (response(b" " * 5_000, x_a="1, 2"), response(b" " * 5_000, x_a="2, 1"), ["header-as x-a set"], "gone"),
    ],
)
def test_where_they_were_kept_whole_they_are_compared_again(tmp_path, old, new, rules, found):
    assert fate(tmp_path, rules, kept(old, new)) == found


@pytest.mark.parametrize("config", [{"strict": True}, {"compare": lambda old, new: False}, {"decode": False}])
def test_what_is_not_found_again_can_not_be_told(tmp_path, config):
    old, new = response({"a": 1, "b": 1}), response({"a": 1.0, "b": 1})
    assert fate(tmp_path, ["tolerance $ abs=1", "tolerance $..* abs=1"], kept(old, new, **config)) == OTHERWISE


def test_a_function_about_all_is_believed_only_if_all_is_found_again(tmp_path):
    one = kept(response({"a": 1}), response({"a": 1.0}, 201), strict=True)
    told = asked(tmp_path, [f"accept {__name__}:accept_small", "accept operator:ne"], one)
    assert [(row.field, row.unknown) for row in told.fields] == [("$.a", 1), ("status", 1)]


def test_what_rules_had_taken_away_stays_away(tmp_path):
    old, new = {"a": 1, "b": 1, "c": [1, 1]}, {"a": 2, "b": 9, "c": [2, 9]}
    ignored = [IgnorePath("$.b"), IgnorePath("$.c[1]")]
    assert fate(tmp_path, ["tolerance $..* abs=1"], kept(old, new, ignore=ignored)) == "gone"
    assert fate(tmp_path, ["tolerance $..* abs=1"], kept(old, new)) == "smaller"
    assert fate(tmp_path, ["tolerance $.a abs=1"], kept(old, new, ignore=ignored)) == "smaller"


def test_what_was_told_beside_another_can_not_be_told(tmp_path):
    """In any order 5 stood beside 6; in order it stands beside 9, and that is another difference at the same place."""
    old, new = [{"k": 1, "n": 5}, {"k": 2, "n": 9}], [{"k": 2, "n": 9}, {"k": 1, "n": 6}]
    one = kept(old, new, ignore=[Unordered("$")])
    assert fate(tmp_path, ["tolerance $[*].n abs=1"], one) == OTHERWISE
    assert fate(tmp_path, ["tolerance $[*].n abs=1", "unordered $"], one) == OTHERWISE


def test_what_was_masked_can_not_be_told(tmp_path):
    old, new = ({"k": [{"id": one, "n": 1} for one in order]} for order in ("ab", "ba"))
    masked = Redaction(paths=["$..id"])
    assert fate(tmp_path, ["keyed-by $.k id"], kept(response(old), response(new))) == "gone"
    assert fate(tmp_path, ["keyed-by $.k id"], kept(response(old), response(new), redaction=masked)) == IN_PART
    hidden = Redaction(headers=["x-a"])
    assert (
        fate(tmp_path, ["header-as x-a text"], kept(response(x_a="A"), response(x_a="a"), redaction=hidden)) == IN_PART
    )


def test_one_side_may_be_a_value(tmp_path):
    rules = ["ignore-field status", "tolerance $[*] abs=1"]
    assert fate(tmp_path, rules, kept(ResponseRecord([1]), [2])) == "gone"
    assert fate(tmp_path, rules, kept(ResponseRecord([1, "a" * 5_000]), [2, "a"], limit=3_000)) == IN_PART
    cut = kept(ResponseRecord(b"[1]" + b" " * 5_000), b"[2]")
    assert fate(tmp_path, ["ignore-field status", "normalize $ builtins:len"], cut) == IN_PART


def test_cookies_without_a_name_can_not_be_told(tmp_path):
    """As in archives of before, or of very many headers."""
    one = kept(response(set_cookie="a=1"), response(set_cookie="a=2"))
    (change,) = one.divergence.headers.changes
    headers = attrs.evolve(one.divergence.headers, changes=(attrs.evolve(change, cookie=None),))
    one = attrs.evolve(one, divergence=attrs.evolve(one.divergence, headers=headers))
    assert fate(tmp_path, ["ignore-cookie a"], one) == IN_PART
    assert fate(tmp_path, ["ignore-path $.a"], one) == "left"


def test_answers_that_differ_in_too_much_are_not_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHANGES", 3)
    old, new = [1] * 4, [2] * 4
    assert fate(tmp_path, ["tolerance $[*] abs=1"], kept(old, new)) == MORE
    assert fate(tmp_path, ["tolerance $[*] abs=1"], kept(old[:3], new[:3])) == "gone"


@pytest.mark.parametrize(
    "answer",
    [
        *({}, {"headers": [], "body": "a"}, {"headers": [["a"]], "body": "a", "status": 200}),
        *({"headers": 1, "body": "a", "status": 200}, {"headers": [], "body": "a", "status": "x"}),
    ],
)
def test_what_is_no_answer_can_not_be_told(tmp_path, answer):
    one = attrs.evolve(kept(response([1]), response([2])), captured=Captured(None, answer, answer))
    assert fate(tmp_path, ["tolerance $[*] abs=1"], one) == OTHERWISE


@pytest.mark.parametrize("part", [{"primary": None}, {"shadow": None}])
def test_one_answer_is_none(tmp_path, part):
    one = kept({"a": 1}, {"a": 2})
    one = attrs.evolve(one, captured=attrs.evolve(one.captured, **part))
    assert fate(tmp_path, ["tolerance $.a abs=1"], one) == NOT_KEPT


def test_a_body_that_is_no_text_can_not_be_told(tmp_path):
    answer = {"headers": [], "body": 7, "status": 200}
    one = attrs.evolve(kept(response([1]), response([2])), captured=Captured(None, answer, answer))
    assert fate(tmp_path, ["tolerance $[*] abs=1"], one) == IN_PART


# ── the sum ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_told_by_operation_and_field(tmp_path):
    records = [
        *[kept({"a": 1}, {"a": 2})] * 3,
        kept({"a": 1, "b": 1}, {"a": 2, "b": 2}),
        *[record(old={"a": 1}, new={"a": 2})] * 2,
        attrs.evolve(kept({"a": 1}, {"a": 9}), operation="GET /"),
        kept({"a": 1, "c": "x" * 5_000}, {"a": 2, "c": "x" * 5_000}),
        attrs.evolve(
            record(), verdict=Verdict.FAILED, divergence=None, failure=ShadowFailure(FailureKind.RAISED, "E", "")
        ),
    ]
    told = asked(tmp_path, ["tolerance $.a abs=1"], *records)
    assert (told.records, told.gone, told.smaller, told.left, told.unknown) == (8, 3, 1, 1, 3)
    assert list(told.unknown_because.items()) == [(NOT_KEPT, 2), (IN_PART, 1)]
    assert [attrs.astuple(row) for row in told.fields] == [
        ("GET /users/{id}", "$.a", 7, 4, 0, 3),
        ("GET /", "$.a", 1, 0, 1, 0),
        ("GET /users/{id}", "$.b", 1, 0, 1, 0),
    ]
    assert told.told() == (
        "With this rule 3 of 8 kept differences would be gone, 1 smaller; 3 can't be told (their answers were not "
        "kept: 2; their answers were cut or masked: 1). These are examples: no count and no decision changes."
    )


def test_rows_are_bounded_and_every_record_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 2)
    told = asked(tmp_path, ["ignore-path $..*"], *(record(old={f"n{n}": 1}, new={f"n{n}": 2}) for n in range(5)))
    assert (told.gone, len(told.fields)) == (5, 2)


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("what_if") / "shadow.jsonl"

    def old(n):
        return response({"total": 1.0, **{f"x{i}": 1 for i in range(n % 3)}})

    def new(n):
        return response({"total": 1.0 + n % 2, **{f"x{i}": 2 for i in range(n % 3)}})

    for candidate, capture in (("1.0", None), ("2.0", Capture())):
        shadowed(path, 60, old, new, candidate=candidate, capture=capture)
    return path


RULES = ("--rule", "tolerance $.total abs=2", "--rule", "ignore-path $.x0")


def test_a_report_says_it_and_decides_as_without(archive, tmp_path):
    plain, ruled = (json.loads(run("report", archive, "--json", *rules).stdout) for rules in ((), RULES))
    assert plain.pop("rules") is None
    asked = ruled.pop("rules")
    assert plain == ruled
    assert asked["rules"] == ["tolerance $.total abs=2.0", "ignore-path $.x0"]
    assert (asked["records"], asked["gone"], asked["smaller"], asked["left"], asked["unknown"]) == (50, 30, 20, 0, 0)
    assert asked["fields"][0] == {
        "operation": "GET /users/{id}",
        "field": "$.x0",
        "records": 40,
        "gone": 40,
        "left": 0,
        "unknown": 0,
    }
    told = "With these rules 30 of 50 kept differences would be gone, 20 smaller. These are examples: no count and no"
    done = run("report", archive, *RULES, "--html", tmp_path / "a.html")
    assert told in done.stdout
    assert "     40 of 40 gone: GET /users/{id}: $.x0\n" in done.stdout
    page = (tmp_path / "a.html").read_text()
    assert told in page
    assert "(tolerance $.total abs=2.0, ignore-path $.x0)" in page
    assert "kept differences" not in run("report", archive).stdout


def test_it_is_of_the_epoch_that_the_report_is_about(archive):
    (other,) = json.loads(run("report", archive, "--json").stdout)["other_epochs"]
    done = run("report", archive, *RULES, "--epoch", other["name"])
    assert (
        "10 of 50 kept differences would be gone, 20 smaller; 20 can't be told (their answers were not" in done.stdout
    )
    assert "      0 of 30 gone, 30 can't be told: GET /users/{id}: $.total\n" in done.stdout


def test_many_fields_are_cut_on_a_terminal(tmp_path):
    old, new = ({f"n{n}": side for n in range(12)} for side in (1, 2))
    written(tmp_path / "a.jsonl", record(old=old, new=new))
    assert (
        "  and 4 more fields (--json has all)\n"
        in run("report", tmp_path / "a.jsonl", "--rule", "ignore-path $").stdout
    )


def test_the_rules_can_be_in_a_file(archive, tmp_path):
    file = tmp_path / "report.toml"
    file.write_text('rule = [{rule = "tolerance", path = "$.total", abs = 2}, "ignore-path $.x0"]\njson = true\n')
    told = json.loads(run("report", archive, "-c", file).stdout)
    assert told["rules"]["gone"] == 30


def test_rules_that_can_not_be_are_told_in_one_line(archive):
    for rules, why in (
        (["--rule", "tolerence $.a"], "--rule 'tolerence $.a': there is no rule 'tolerence'"),
        (["--rule", "only $.a", "--rule", "only $.b"], "--rule can't be used: ignore takes one Only rule"),
    ):
        done = run("report", archive, *rules)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert why in done.stderr
