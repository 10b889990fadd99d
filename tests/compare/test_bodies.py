"""Bodies of bytes: each decoded by its own content type, and what is done where that fails. Pure."""

from __future__ import annotations

import datetime
import json
import sys

import msgpack
import pytest
from google.protobuf import json_format, struct_pb2

from trioshadow import Divergence, ResponseRecord, ShadowConfig
from trioshadow.compare import Unordered

from tests.support.portable import said_by

UNTYPED = ""
JSON, PACK = "application/json", "application/msgpack"


def compare(primary, shadow, primary_type=JSON, shadow_type=None, **settings):
    """Two bodies with content types; the shadow's is the primary's unless given."""
    shadow_type = primary_type if shadow_type is None else shadow_type
    records = [
        ResponseRecord(body, headers={"Content-Type": kind} if kind else {})
        for body, kind in ((primary, primary_type), (shadow, shadow_type))
    ]
    settings.setdefault("ignore", [])
    divergence = Divergence.compare(*records, ShadowConfig(**settings))
    return None if divergence is None else divergence.body


def found(*arguments, **settings):
    body = compare(*arguments, **settings)
    return [] if body is None else [(change.kind.value, change.path) for change in body.changes]


# ── codecs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
        "application/vnd.api+json; version=1",
        "text/json",
    ],
)
def test_json_by_its_content_types(kind):
    body = compare(b'{"a": [1, 2], "b": null}', b'{ "b":null, "a":[1.0, 3] }', kind)
    assert [change.path for change in body.changes] == ["$['a'][1]"]
    assert (body.primary_len, body.shadow_len, body.prefix_equal_bytes) == (24, 26, 1)
    assert body.forms == ("json", "json")
    assert found(b'{"a":1}', b'{ "a": 1 }', kind) == []


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl", "application/x-jsonlines"])
def test_ndjson_line_by_line(kind):
    assert found(b'{"a":1}\n{"a":2}\n', b'{"a": 1}\r\n\n{"a": 3}', kind) == [("changed", "$[1]['a']")]
    body = compare(b"1\n2", b"1\n{", kind)
    assert body.forms == ("bytes", "bytes")
    assert "the shadow's: it can't be read as ndjson, line 2: JSONDecodeError" in body.notes[0]


def test_forms_by_field():
    kind = "application/x-www-form-urlencoded"
    assert found(b"a=1&b=x+y&b=2", b"b=x%20y&b=2&a=1", kind) == []
    assert found(b"a=1&b=&c=%FF", b"b=&a=1&a=2&c=%FE", kind) == [("added", "$['a'][1]"), ("changed", "$['c'][0]")]


@pytest.mark.parametrize(
    "kind", ["text/html", "text/plain; charset=utf-8", "application/xml", "image/svg+xml", "text/csv"]
)
def test_text_line_by_line(kind):
    assert found(b"a\nb\nc\n", b"a\nc\n", kind) == [("removed", "$[1]")]
    assert compare(b"a", b"b", kind).forms == ("text", "text")


def test_charsets():
    latin, utf8, bom = "é\nb".encode("latin-1"), "é\nb".encode(), "é\nb".encode("utf-8-sig")
    assert found(latin, utf8, "text/plain; charset=ISO-8859-1", 'text/plain; Charset="UTF-8"') == []
    assert found(utf8, bom, "text/plain") == []
    assert found('"é"'.encode("utf-16"), b'"\xc3\xa9"', "application/json; charset=utf-16", JSON) == []
    body = compare(latin, utf8, "text/plain")
    assert body.forms == ("bytes", "bytes")
    assert "the primary's: it can't be read as text (utf-8): UnicodeDecodeError" in body.notes[0]
    for charset in ("klingon", "punycode", "x" * 1000, "a\0b", "hex"):
        body = compare(utf8, b"x", f"text/plain; charset={charset}")
        assert body.forms == ("bytes", "bytes")
        assert len(body.notes[0]) < 300
        assert "charset" in body.notes[0] or "hex" in body.notes[0]


def test_each_side_by_its_own_content_type():
    value = {"id": 1, "tags": ["a", "b"], "price": 1.5, "none": None, "raw": 2**40}
    packed, text = msgpack.packb(value), json.dumps(value).encode()
    assert found(text, packed, JSON, PACK) == []
    assert found(packed, text, "application/x-msgpack", "application/vnd.api+json") == []
    body = compare(text, msgpack.packb({**value, "id": "1"}), JSON, "application/vnd.me+msgpack")
    assert [change.path for change in body.changes] == ["$['id']"]
    assert body.forms == ("json", "msgpack")


def test_messagepack_has_more_types_than_json():
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    packed = msgpack.packb({1: b"x", "at": when}, datetime=True)
    body = compare(packed, msgpack.packb({1: b"y", "at": when}, datetime=True), PACK)
    assert [(change.path, change.primary) for change in body.changes] == [("$[1]", b"x")]
    body = compare(b"\x82\xa1a\x01\xa1a\x02", msgpack.packb({"a": 3}), PACK)
    assert body.notes == ('in the primary\'s body the name "a" is there twice in an object: the last one counts',)
    deeper = [msgpack.packb([{"id": number, "at": when}], datetime=True) for number in (1, 2)]
    assert found(*deeper, PACK) == [("changed", "$[0]['id']")]
    for broken in (b"\x81", b"\xc1", b"\xdd\xff\xff\xff\xff", b"\x91" * 100_000, b"\x81\x80\x01", b""):
        body = compare(broken, b"\x01", PACK)
        assert body.forms == ("bytes", "bytes")
        assert "it can't be read as msgpack" in body.notes[0]


def test_elements_that_no_quick_look_can_write_are_matched_all_the_same():
    times = [datetime.datetime(2026, 1, day, tzinfo=datetime.UTC) for day in (1, 2, 3)]
    one, same, other = (
        msgpack.packb([{"at": time} for time in order], datetime=True)
        for order in (times, times[::-1], [times[2], times[2], times[0]])
    )
    assert found(one, same, PACK, ignore=[Unordered("$")]) == []
    assert len(found(one, other, PACK, ignore=[Unordered("$")])) == 1


def test_messagepack_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "msgpack", None)
    assert "pip install 'trioshadow[msgpack]'" in compare(b"\x01", b"\x02", PACK).notes[0]


def test_a_decoder_of_ones_own():
    def from_struct(body):
        return json_format.MessageToDict(struct_pb2.Struct.FromString(body))

    message = struct_pb2.Struct()
    message.update({"name": "lamp", "price": 4, "tags": ["a"]})
    kinds = ("application/json", "application/x-protobuf")
    decoders = {"Application/X-Protobuf": from_struct}
    text = b'{"name": "lamp", "price": 4, "tags": ["b"]}'
    body = compare(text, message.SerializeToString(), *kinds, decoders=decoders)
    assert [change.path for change in body.changes] == ["$['tags'][0]"]
    assert body.forms == ("json", "application/x-protobuf")
    assert found(text.replace(b'"b"', b'"a"'), message.SerializeToString(), *kinds, decoders=decoders) == []
    broken = compare(text, b"\xff", *kinds, decoders=decoders)
    assert "the shadow's: it can't be read as application/x-protobuf: DecodeError" in broken.notes[0]


def test_own_decoders_come_first_and_may_be_for_a_suffix():
    assert found(b"A", b"a", "text/plain", decoders={"text/plain": bytes.lower}) == []
    assert found(b"A", b"b", "application/x+y", decoders={"+y": bytes.lower}) == [("changed", "$")]
    config = ShadowConfig(decoders={"+y": bytes.lower, "a/b": bytes.upper})
    assert config.decoders == (("+y", bytes.lower), ("a/b", bytes.upper))
    assert hash(config) == hash(ShadowConfig(decoders=config.decoders))


def test_what_a_decoder_makes_may_hold_an_object_twice():
    shared = [1]

    def decoder(body):
        return {"a": shared, "b": shared, "self": ...} if body == b"x" else {"a": [2], "b": [2], "self": ...}

    assert found(b"x", b"y", "a/b", decoders={"a/b": decoder}) == [("changed", "$['a'][0]"), ("changed", "$['b'][0]")]


# ── no content type, or an unknown one ───────────────────────────────────────────────────────────────────────────────


def test_bytes_that_both_look_like_json_are_tried():
    assert found(b' {"a": 1}\n', b'{"a":2}', UNTYPED) == [("changed", "$['a']")]
    assert found(b"[1, 2]", b"[1,2]", UNTYPED) == []
    assert found(b"[1]", b'{"a": 1}', UNTYPED) == [("type", "$")]
    for one, other in ((b"[1]", b"1"), (b'{"a"', b'{"b"}'), (b"{a}", b"{b}"), (b"[1]", b""), (b'"a"', b'"b"')):
        body = compare(one, other, UNTYPED)
        assert body.forms == ("bytes", "bytes")
        assert body.notes == ()
    assert Divergence.compare(b'{"a": 1}', b'{"a":1.0}', ShadowConfig()) is None
    assert found(b'{"a": 1}', b'{"a":2}', JSON, UNTYPED) == [("changed", "$['a']")]
    assert compare(b'{"a": 1}', b"x", JSON, UNTYPED).forms == ("bytes", "bytes")
    assert compare(b'{"a": 1}', {"a": 1}, UNTYPED).forms == ("bytes", "value")


def test_decoding_can_be_switched_off():
    body = compare(b'{"a": 1}', b'{"a":1}', decode=False)
    assert body.forms == ("bytes", "bytes")
    assert body.excerpts == (b'{"a": 1}', b'{"a":1}')
    assert body.prefix_equal_bytes == 5


def test_unknown_content_types_are_bytes():
    body = compare(b"x" * 100 + b"old", b"x" * 100 + b"new" + b"y" * 100, "image/png")
    assert body.forms == ("bytes", "bytes")
    assert (body.changes, body.change_count, body.prefix_equal_bytes) == ((), 0, 100)
    assert body.excerpts == (b"x" * 16 + b"old", b"x" * 16 + b"new" + b"y" * 29)
    assert compare(b"x", b"y", "nonsense").forms == ("bytes", "bytes")


def test_half_a_reading_is_none():
    body = compare(b'{"a": 1}', b'{"a": 2}', JSON, "text/plain")
    assert body.forms == ("bytes", "bytes")
    assert body.notes == ("the bodies are compared as bytes: one is json, the other text",)
    assert compare(b'{"a": 1}', b'{"a": 2}', JSON, "image/png").forms == ("bytes", "bytes")


def test_a_value_beside_a_body_of_bytes():
    assert found({"a": 1}, b'{"a": 1.0}', UNTYPED, JSON) == []
    assert found({"a": 1}, b'{"a": 2}', UNTYPED, JSON) == [("changed", "$['a']")]
    assert found("a\nb", b"a\nc", UNTYPED, "text/plain") == [("changed", "$[1]")]


def test_equal_bytes_are_never_decoded():
    def never(body):
        raise AssertionError(body)

    assert compare(b"{", b"{", "a/b", decoders={"a/b": never}) is None
    assert compare(bytearray(b"{"), b"{", "a/b", decoders={"a/b": never}) is None


# ── claims JSON ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "JSONDecodeError"),
        (b"<html>", "JSONDecodeError"),
        (b'{"a": 1', "JSONDecodeError"),
        (b'{"a": 1} x', "JSONDecodeError"),
        (b'"\xff"', "UnicodeDecodeError"),
        (b'"\xed\xa0\x80"', "UnicodeDecodeError"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deep"),
        (b"[" + b"1" * 1_000_000 + b"]", "ValueError: " + said_by(int, "1" * 1_000_000)[:40]),
    ],
)
def test_what_claims_to_be_json_and_is_not_is_compared_as_bytes_with_the_reason(body, why):
    for one, other, side in ((body, b"[1]", "primary"), (b"[1]", body, "shadow")):
        diff = compare(one, other)
        assert diff.forms == ("bytes", "bytes")
        assert diff.prefix_equal_bytes is not None
        (note,) = diff.notes
        assert note.startswith(f"the bodies are compared as bytes: the {side}'s: it ")
        assert why in note
        assert len(note) < 700


def test_what_json_has_that_is_odd():
    assert found(b"[NaN, Infinity, 1e400]", b"[NaN, Infinity, Infinity ]") == []
    assert found(b"[1180591620717411303424]", b"[1180591620717411303425]") == [("changed", "$[0]")]
    assert found(rb'{"a": "\ud800"}', rb'{"a": "\udfff"}') == [("changed", "$['a']")]
    assert found(rb'{"\ud800": 1}', rb'{"\ud800": 2}') == [("changed", r"$['\ud800']")]
    assert found(b"\xef\xbb\xbf[1]", b"[1]") == []
    assert found(b'{"a": 0.1}', b'{"a": 1e-1}') == []
    assert found(b"true", b"1") == [("type", "$")]
    assert found(b"[null]", b"[false]") == [("type", "$[0]")]


def test_names_that_are_there_twice_are_pointed_out():
    body = compare(b'{"b": 1, "a": 1, "a": 2, "a": 3}', b'{"b": 1, "a": 1}')
    assert [(change.path, change.primary) for change in body.changes] == [("$['a']", 3)]
    assert body.notes == ('in the primary\'s body the name "a" is there twice in an object: the last one counts',)
    # That alone is no difference: with the last one counting, the values are the same.
    assert compare(b'{"a": 1, "a": 2}', b'{"a": 2}') is None
    assert len(compare(b'{"%b": 1, "%b": 2}' % (b"x" * 9999, b"x" * 9999), b"{}").notes[0]) < 400
