"""The names under which differences are counted. Pure."""

from __future__ import annotations

import pytest

from trioshadow import Divergence, ResponseRecord, ShadowConfig, ShadowFailure
from trioshadow._model.verdict import FailureKind
from trioshadow.compare import Change, ErrorDiff
from trioshadow.evidence import Acknowledged, fields_of, folded_path
from trioshadow.evidence._places import field_name, words_of

JSON = {"content-type": "application/json"}


def fields(primary, shadow, **config):
    divergence = Divergence.compare(primary, shadow, ShadowConfig(**config))
    assert divergence is not None
    return {name: words_of(example) for name, example in fields_of(divergence, None).items()}


def record(body, **more):
    return ResponseRecord(body, **{"headers": JSON, **more})


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("$", "$"),
        ("$['a'][0]['b'][12]", "$.a[*].b[*]"),
        ("$['unit price']", "$['unit price']"),
        (r"$['it\'s'][3]", r"$['it\'s'][*]"),
        ("$['0']", "$['0']"),
        ("$['[7]']", "$['[7]']"),
    ],
)
def test_numbers_of_elements_are_folded_and_names_are_not(path, folded):
    assert folded_path(path) == folded


def test_a_call_that_matched_differs_nowhere():
    assert fields_of(None, None) == {}


@pytest.mark.parametrize(
    ("kind", "field"),
    list(zip(FailureKind, ["failed", "timed out", "not compared", "too large"], strict=True)),
)
def test_a_failure_is_a_field_of_its_kind(kind, field):
    assert fields_of(None, ShadowFailure(kind, "Boom", "it did")) == {field: (None, "Boom: it did")}


def test_status_and_headers_are_fields():
    primary = ResponseRecord(b"", status=200, headers=[("etag", "1"), ("old", "x")])
    shadow = ResponseRecord(b"", status=500, headers=[("etag", "2"), ("new", "y")])
    found = fields(primary, shadow)
    assert list(found) == ["status", "header new", "header old", "header etag"]
    assert found["status"] == ("200", "500")
    assert found["header etag"] == ("1", "2")


def test_elements_at_all_positions_are_one_field():
    found = fields(record(b'{"a": [{"p": 1}, {"p": 2}]}'), record(b'{"a": [{"p": 3}, {"p": 4}]}'))
    assert found == {"$.a[*].p": ("1", "3")}


def test_what_is_only_on_one_side_has_no_words_on_the_other():
    assert fields(record(b'{"a": 1, "c": 0}'), record(b'{"b": 2, "c": 0}')) == {"$.a": ("1", None), "$.b": (None, "2")}
    assert words_of(Change("$", "changed", 1, 2)) == ("1", "2")


def test_changes_beyond_those_that_are_kept_are_one_field():
    primary, shadow = ("{" + ", ".join(f'"k{n}": {v}' for n in range(9)) + "}" for v in (1, 2))
    found = fields(record(primary.encode()), record(shadow.encode()), max_changes=5)
    assert len(found) == 6
    assert found["more changes"] == (None, "4 more")


def test_a_body_that_is_not_taken_apart_is_one_field():
    assert list(fields(ResponseRecord(b"\x00a"), ResponseRecord(b"\x00b"))) == ["$"]
    text = {"headers": {"content-type": "text/plain"}}
    assert list(fields(record(b"one\ntwo\n", **text), record(b"one\n2\n", **text))) == ["$"]
    assert list(fields("one", None)) == list(fields("one", "two")) == ["$"]


def test_bodies_that_were_told_apart_and_not_how_are_one_field():
    from trioshadow import BodyDiff

    divergence = Divergence(body=BodyDiff(primary_len=1, shadow_len=2, prefix_equal_bytes=1))
    assert fields_of(divergence, None) == {"$": (None, None)}


def test_exceptions_are_a_field_with_both_texts():
    for shadow, message, words in ((None, "", None), ("KeyError", "'b'", "KeyError: 'b'")):
        error = ErrorDiff(primary="ValueError", primary_message="a", shadow=shadow, shadow_message=message)
        found = fields_of(Divergence(error=error), None)
        assert {name: words_of(example) for name, example in found.items()} == {"error": ("ValueError: a", words)}


def errors(primary, shadow, **config):
    comparison = ShadowConfig(**config).comparison
    divergence = comparison.divergence_of_errors(comparison.raised(primary), comparison.raised(shadow))
    return {name: words_of(example) for name, example in fields_of(divergence, None).items()}


def test_members_of_exceptions_are_fields_of_their_own():
    assert errors(OSError(5, ""), OSError(28, "")) == {"error $.errno": ("5", "28")}
    old = ExceptionGroup("", [OSError(5, ""), KeyError("a"), KeyError("b")])
    new = ExceptionGroup("", [OSError(28, ""), IndexError()])
    assert errors(old, new) == {
        "error $.exceptions[*].errno": ("5", "28"),
        "error $.exceptions[*]": ("KeyError: 'a'", None),
    }
    assert errors(old, new, max_changes=2) == {**errors(old, new), "more changes": (None, "2 more")}
    # A message that differs is not lost among the members.
    assert list(errors(OSError(5, "a"), OSError(28, "b"), strict_errors=True)) == ["error", "error $.errno"]
    assert list(errors(OSError(5, "a"), OSError(5, "b"), strict_errors=True)) == ["error"]


def test_the_name_of_such_a_field_is_understood():
    assert field_name("error $['exceptions'][0].errno") == "error $.exceptions[*].errno"
    assert field_name("error $.errno") == "error $.errno"
    assert field_name("error") == "error"
    one = Acknowledged("error $.exceptions[3].errno")
    assert one.covers("any", "error $.exceptions[*].errno")
    assert not one.covers("any", "error")


def test_a_long_name_is_cut():
    found = fields(ResponseRecord(b"", headers={"x" * 1_000: "1"}), ResponseRecord(b"", headers={"x" * 1_000: "2"}))
    assert list(found) == ["header " + "x" * 249]
