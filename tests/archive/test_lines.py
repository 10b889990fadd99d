"""A record as a line and back: what is read says the same as what was written. Pure."""

from __future__ import annotations

import datetime
import decimal
import json
import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import (
    BodyDiff,
    Captured,
    Divergence,
    DivergenceRecord,
    ErrorDiff,
    FailureKind,
    ResponseRecord,
    ShadowConfig,
    ShadowFailure,
    Verdict,
)
from trioshadow.archive._lines import line, record_line, snapshot_line
from trioshadow.archive._schema import decode_line
from trioshadow.compare import Change, ChangeKind

from tests.support.archives import SNAPSHOT, answers, divergence, record

TEXT = st.text(st.characters(codec=None))  # lone surrogates too
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -(2**63), 2**63 - 1, -(2**63) - 1, 10**40, 2**2000]),
    st.floats(),
    TEXT,
    st.text(min_size=250, max_size=300),
    st.binary(),
    st.binary(min_size=250, max_size=300),
    st.decimals(),
    st.datetimes(timezones=st.sampled_from([None, datetime.UTC])),
    st.timedeltas(),
    st.complex_numbers(),
)
KEYS = st.one_of(st.text(), st.integers(), st.none(), st.floats(), st.binary(), st.tuples(st.integers(), st.text()))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(KEYS, max_size=4),
    ),
    max_leaves=8,
)


def back(original):
    raw = record_line(original)
    assert raw.endswith(b"\n")
    assert raw.count(b"\n") == 1
    json.loads(raw.decode("utf-8"), parse_constant=pytest.fail)  # strict: no NaN, no Infinity
    return decode_line(raw).made()


def same_words(read, written):
    assert str(read) == str(written)
    assert read.explain() == written.explain()
    for width in (20, 60):
        assert read.explain(width=width, color=True) == written.explain(width=width, color=True)


@given(VALUES, VALUES)
def test_what_compare_found_reads_as_it_was_written(old, new):
    found = Divergence.compare(old, new, ShadowConfig())
    if found is not None:
        same_words(back(record(old=found)).divergence, found)


@given(TEXT, TEXT)
def test_so_do_texts_line_by_line(old, new):
    bodies = answers(*(text.encode("utf-8", "replace") for text in (old, new)), headers={"content-type": "text/plain"})
    found = Divergence.compare(*bodies, ShadowConfig())
    if found is not None:
        same_words(back(record(old=found)).divergence, found)


@given(VALUES, VALUES, st.sampled_from(ChangeKind), st.sampled_from(["json", "text", "value"]))
def test_so_does_what_a_function_of_the_users_made(old, new, kind, form):
    found = Divergence(body=BodyDiff(None, 3, None, (Change("$[0]", kind, old, new),), 1, (form, form), ("a note",)))
    same_words(back(record(old=found)).divergence, found)


@given(TEXT, TEXT, TEXT)
def test_so_do_headers_and_errors(name, old, new):
    bodies = [
        ResponseRecord(b"", headers=[("x" + name, value), ("set-cookie", f"{name}={value}")]) for value in (old, new)
    ]
    found = Divergence.compare(*bodies, ShadowConfig())
    if found is not None:
        same_words(back(record(old=found)).divergence, found)
    found = Divergence(error=ErrorDiff("ValueError", None, old, new))
    same_words(back(record(old=found)).divergence, found)


def test_errors_come_back_equal():
    comparison = ShadowConfig(error_fields={ValueError: ["args"]}).comparison
    old = ExceptionGroup("g", [ValueError(1, "a"), KeyError("b"), OSError(5, "\ud800")])
    new = ExceptionGroup("g", [ValueError([*range(999)], b"\xff"), OSError(28, "")])
    found = comparison.divergence_of_errors(comparison.raised(old), comparison.raised(new))
    assert found.error.change_count == 4
    assert found.error.notes == ()
    original = record(old=found)
    same_words(back(original).divergence, found)
    read = back(original).divergence.error
    assert (read.changes[0].path, read.change_count) == (found.error.changes[0].path, 4)
    noted = Divergence(error=ErrorDiff("E", "E", "", "", (Change("$['a']", ChangeKind.CHANGED, 1, 2),), 3, ("why",)))
    assert back(record(old=noted)).divergence == noted


def test_an_error_of_an_older_library_is_read():
    old = b'{"t":"record","v":1,"verdict":"diverged","divergence":{"error":{"primary":"E","shadow":"F"}}}'
    assert decode_line(old).made().divergence == Divergence(error=ErrorDiff("E", "F", "", ""))


def test_plain_records_come_back_equal():
    original = record(old={"a": [1, 2.5], "b": "x", "c": None}, new={"a": [1, 3], "b": "ü", "d": True}, epoch="2.0/abc")
    original = attrs.evolve(original, context=(("tenant", "ü"), ("release", "")))
    assert back(original) == original
    assert back(record(old=b"\xff1", new=b"\xff2")).divergence.body.excerpts == (b"\xff1", b"\xff2")


def test_failures_come_back_equal():
    failure = ShadowFailure(FailureKind.TIMED_OUT, "Timeout", "2 s")
    original = DivergenceRecord(b"", "", Verdict.TIMED_OUT, None, failure, 1.0, None, None)
    assert back(original) == original


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, 10**40, "\ud800", b"\xff\x00", decimal.Decimal("1.50"), (1, 2), {"a": {1: b""}}, {1, 2}, 1j],
    ids=repr,
)
def test_values_that_json_has_no_notation_for_say_the_same(value):
    found = divergence([value], ["other"])
    assert back(record(old=found)).divergence.explain() == found.explain()


@pytest.mark.parametrize(("value", "told"), [(2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)), (2**63, str(2**63))])
def test_ints_that_other_readers_cannot_hold_are_texts(value, told):
    (change,) = json.loads(record_line(record(old=value, new=0)))["divergence"]["body"]["changes"]
    assert (change["primary"]["text"] if value == 2**63 else change["primary"]) == told


def test_an_excerpt_with_a_lone_surrogate_says_the_same():
    found = divergence(["a" * 300 + "\ud800"], ["a" * 300 + "b"])
    same_words(back(record(old=found)).divergence, found)


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 7, 10**40, -1.5, math.inf, "text", "\ud800", b"\xff", [1, [b"x"]], {"a": {"b": b""}}),
        *({"$bytes": "eA=="}, {"$$str": {"$float": "nan"}}),
    ],
    ids=repr,
)
def test_what_was_captured_comes_back_equal(value):
    whole = Captured(value, [value], {"body": value})
    assert back(attrs.evolve(record(), captured=whole)).captured == whole


def test_what_was_captured_and_is_not_plain_is_told_in_words():
    whole = back(attrs.evolve(record(), captured=Captured((1, 2), decimal.Decimal(1)))).captured
    assert whole == Captured([1, 2], "Decimal('1')", None)


def test_a_snapshot_comes_back_equal():
    snapshot = {**SNAPSHOT, "operations": {"$bytes": {"p50": math.inf, "\u2028": None}}}
    read = decode_line(snapshot_line(snapshot, 5.0))
    from trioshadow.archive._values import decode_plain

    assert decode_plain(read.evidence) == snapshot


def test_what_is_no_json_is_refused_and_not_written():
    with pytest.raises(ValueError, match="JSON compliant"):
        line("record", at=math.nan)
