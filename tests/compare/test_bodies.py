"""Bodies of bytes: each decoded by its own content type, and what is done where that fails. Pure."""

from __future__ import annotations

import datetime
import decimal
import fractions
import gc
import json
import sys

import msgpack
import pytest
from google.protobuf import json_format, struct_pb2

from trioshadow import Divergence, ResponseRecord, ShadowConfig
from trioshadow.compare import KeyedBy, Tolerance, Unordered
from trioshadow.compare._scalars import close
from trioshadow.compare._values import Repeated, Timestamp

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


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/x-json", "text/x-json", "application/csp-report", "application/vnd.api+json"],
)
def test_types_of_json(kind):
    assert compare(b'{"a":1}', b'{"a": 2}', kind).forms == ("json", "json")


@pytest.mark.parametrize("kind", ["application/json-seq", "application/vnd.geo+json-seq"])
def test_json_record_by_record(kind):
    one = b'\x1e{"a":1}\n\x1e[1,\n2]\x1e1e3\n\x1e"x"'
    assert found(one, b'\x1e{ "a": 1 }\n\x1e[1,2]\n\x1e1000\n\x1e\x1e"x"\n', kind) == []
    body = compare(one, one.replace(b"2", b"3"), kind)
    assert ([change.path for change in body.changes], body.forms) == (["$[1][1]"], ("json-seq", "json-seq"))
    assert found(b'{"a":1}', b'\x1e{ "a":1}', kind) == []
    assert found(b"\x1e1e400\n\x1e0\n", b"\x1e1e401\n\x1e0\n", kind) == [("changed", "$[0]")]
    body = compare(b"\x1e12", b"\x1e12\n", kind)
    assert body.forms == ("bytes", "bytes")
    assert "the primary's: it can't be read as json-seq, record 2: it may have been cut off" in body.notes[0]


@pytest.mark.parametrize(
    "kind",
    [
        *("application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/jsonlines"),
        *("application/json-lines", "text/ndjson", "application/stream+json", "application/vnd.elasticsearch+x-ndjson"),
    ],
)
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
    assert found(utf8, bom, "text/csv") == [("changed", "$[0]")]  # a spreadsheet reads it otherwise without
    assert (
        r"\ufeff"
        in Divergence.compare(
            *(ResponseRecord(one, headers={"Content-Type": "text/csv"}) for one in (bom, utf8)), ShadowConfig()
        ).explain()
    )
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
    assert body.notes == (
        'in the primary\'s body the name "a" is there more than once in an object, with different values',
    )
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


@pytest.mark.parametrize("kind", [KeyboardInterrupt, GeneratorExit])
def test_what_ends_the_program_passes_through_a_decoder(kind):
    def interrupted(_):
        raise kind

    with pytest.raises(kind):
        compare(b"1", b"2", "a/b", decoders={"a/b": interrupted})


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
    assert found(b"[NaN, Infinity, -Infinity]", b"[NaN, Infinity,-Infinity ]") == []
    assert found(b"[1180591620717411303424]", b"[1180591620717411303425]") == [("changed", "$[0]")]
    assert found(rb'{"a": "\ud800"}', rb'{"a": "\udfff"}') == [("changed", "$['a']")]
    assert found(rb'{"\ud800": 1}', rb'{"\ud800": 2}') == [("changed", r"$['\ud800']")]
    assert found(b"\xef\xbb\xbf[1]", b"[1]") == []
    assert found(b'{"a": 0.1}', b'{"a": 1e-1}') == []
    assert found(b"true", b"1") == [("type", "$")]
    assert found(b"[null]", b"[false]") == [("type", "$[0]")]


def test_names_that_are_there_twice_are_pointed_out():
    body = compare(b'{"b": 1, "a": 1, "a": 2, "a": 3}', b'{"b": 1, "a": 1}')
    assert [(change.kind.value, change.path, str(change.primary)) for change in body.changes] == [
        ("type", "$['a']", "Repeated(1, 2, 3)")
    ]
    assert body.notes == (f'in the primary\'s body the name "a" {TWICE}, with different values',)
    assert len(compare(b'{"%b": 1, "%b": 2}' % (b"x" * 9999, b"x" * 9999), b"{}").notes[0]) < 400
    (note,) = compare(b'{"a":1,"a":2,"b":1,"b":2}', b"{}").notes
    assert '"a" and 1 more are there more than once' in note


TWICE = "is there more than once in an object"


def test_a_name_twice_with_different_values_is_no_other_value():
    # RFC 8259 §4: which of them counts is unpredictable.
    role = b'{"role":"user","role":"admin"}'
    for other in (b'{"role":"admin"}', b'{"role":"user"}', b'{"role":["user","admin"]}'):
        assert found(role, other) == found(other, role) == [("type", "$['role']")]
    assert found(role, b'{"role": "user", "role": "admin"}') == []
    assert found(role, b'{"role":"admin","role":"user"}') == [("changed", "$['role'][0]"), ("changed", "$['role'][1]")]
    assert found(b"[%b]" % role, b'[{"role":["user","admin"]}]', ignore=[Unordered("$")]) == [("type", "$[0]['role']")]
    assert found(b"[1,%b]" % role, b"[%b,1]" % role, ignore=[Unordered("$")]) == []
    assert found(role + b"\n1", role + b"\n 1", "application/jsonl") == []
    assert found(role + b"\n1", b'{"role":"admin"}\n1', "application/jsonl") == [("type", "$[0]['role']")]


def test_a_name_twice_with_one_value_counts_once_and_is_told_beside_a_difference():
    assert found(b'{"a": 1, "a": 1}', b'{"a": 1}') == []
    assert found(b'{"a": {"x": 1, "y": []}, "a": {"y": [], "x": 1}}', b'{"a": {"x": 1, "y": []}}') == []
    body = compare(b'{"a": 1, "a": 1, "b": 1}', b'{"a": 1, "b": 2}')
    assert [change.path for change in body.changes] == ["$['b']"]
    assert body.notes == (f'in the primary\'s body the name "a" {TWICE}, with one and the same value',)
    assert found(b'{"a": 1, "a": true}', b'{"a": 1}') == [("type", "$['a']")]


def test_a_name_twice_with_values_of_two_types_is_one_value_unless_types_count():
    for one, other in ((b'{"a": 1, "a": 1.0}', b'{"a": 1}'), (b'{"a": [1], "a": [1e0]}', b'{"a": [1]}')):
        assert found(one, other) == found(other, one) == []
        assert found(one, other, exact_decimals=True) == []
        assert found(one, other, strict=True) == [("type", "$['a']")]
    assert found(b"\x82\xa1a\x01\xa1a\xca\x3f\x80\x00\x00", msgpack.packb({"a": 1}), PACK) == []
    assert found(b'{"a": 1, "a": 1.0}\n1', b'{"a": 1}\n1', "application/jsonl") == []
    assert found(b'{"a": {"b": 1, "b": 2}, "a": [1, 2]}', b'{"a": [1, 2]}') == [("type", "$['a']")]


def test_values_of_a_name_are_equal_to_nothing_but_such():
    one = Repeated([1, 2])
    assert one == Repeated([1, 2])
    assert one != [1, 2]
    assert one != [1, 2]
    assert one != Repeated([2, 1])
    assert repr(one) == "Repeated([1, 2])"


def test_names_of_messagepack_that_are_one_to_a_dict():
    both = b"\x82\x01\xa1a\xc3\xa1a"  # {1: "a", true: "a"}
    assert found(both, msgpack.packb({1: "a"}), PACK) == [("type", "$[1]")]
    assert found(b"\x82\x01\x02\x01\x02", msgpack.packb({1: 2}), PACK) == []
    assert found(b"\x82\x01\x02\x01\x03", msgpack.packb({1: 3}), PACK) == [("type", "$[1]")]


# ── MessagePack's own types ──────────────────────────────────────────────────────────────────────────────────────────


def pack_times(*times):
    return msgpack.packb([msgpack.Timestamp(*time) for time in times])


def test_timestamps_are_as_long_as_they_are():
    assert found(pack_times((1, 999)), pack_times((1, 0)), PACK) == [("changed", "$[0]")]
    assert found(pack_times((1, 999)), pack_times((1, 998)), PACK) == [("changed", "$[0]")]
    assert found(pack_times((1, 999), (1, 1)), pack_times((1, 999), (1, 2)), PACK) == [("changed", "$[1]")]
    body = compare(pack_times((2**40, 5), (0, 1)), pack_times((2**40, 6), (0, 2)), PACK)
    assert body.forms == ("msgpack", "msgpack")
    assert [str(change.primary) for change in body.changes] == [
        "Timestamp('1099511627776.000000005 s since 1970')",
        "Timestamp('1970-01-01T00:00:00.000000001+00:00')",
    ]
    when = datetime.datetime(2026, 1, 1, microsecond=5, tzinfo=datetime.UTC)
    packed = msgpack.packb({"at": [when]}, datetime=True)
    assert found(packed, {"at": [when]}, PACK, UNTYPED) == []
    assert found(packed, {"at": [when + datetime.timedelta(microseconds=1)]}, PACK, UNTYPED) == [
        ("changed", "$['at'][0]")
    ]
    assert found(pack_times((1, 1)), pack_times((1, 1)) + b"", PACK) == []
    assert found(msgpack.packb({msgpack.Timestamp(1, 1): 1}), msgpack.packb({msgpack.Timestamp(1, 1): 2}), PACK)
    # Text that has the marks of a timestamp in it is none.
    assert found(msgpack.packb(["\u04ff", b"\xd6\xff", 1]), msgpack.packb(["\u04ff", b"\xd6\xff", 2]), PACK) == [
        ("changed", "$[2]")
    ]


def test_timestamps_and_tolerance():
    near = [Tolerance("$[*]", abs=1e-6)]
    assert found(pack_times((1, 999)), pack_times((1, 0)), PACK, ignore=near) == []
    assert found(pack_times((2, 999)), pack_times((1, 0)), PACK, ignore=near) == [("changed", "$[0]")]
    assert found(pack_times((1, 999)), msgpack.packb([1]), PACK, ignore=near) == [("type", "$[0]")]
    assert found(pack_times((2**62, 0)), pack_times((-(2**62), 0)), PACK, ignore=near) == [("changed", "$[0]")]
    zone = datetime.timezone(datetime.timedelta(hours=14))
    early = datetime.datetime.min.replace(tzinfo=zone)
    assert close(Timestamp(-62135596800 - 14 * 3600, 1), early, near[0])
    assert not close(Timestamp(0, 1), datetime.datetime(1970, 1, 1), near[0])  # noqa: DTZ001 - that is the point


def test_timestamps_in_arrays_without_order():
    times = [(1, number) for number in range(100)]
    assert found(pack_times(*times), pack_times(*times[::-1]), PACK, ignore=[Unordered("$")]) == []


def test_an_extension_is_neither_an_array_nor_a_map():
    ours = msgpack.packb([msgpack.ExtType(5, b"a")])
    for other in ([5, b"a"], {"code": 5, "data": b"a"}, b"a"):
        for strict in (False, True):
            assert found(ours, msgpack.packb([other]), PACK, strict=strict) == [("type", "$[0]")]
    body = compare(ours, msgpack.packb([msgpack.ExtType(6, b"a")]), PACK)
    assert str(body.changes[0].primary) == "Extension(code=5, data=b'a')"
    many = [
        msgpack.packb([msgpack.ExtType(5, b"%d" % number) for number in order])
        for order in (range(99), range(98, -1, -1))
    ]
    assert found(*many, PACK, ignore=[Unordered("$")]) == []


# ── exact decimals ───────────────────────────────────────────────────────────────────────────────────────────────────


def exactly(*arguments, **settings):
    return found(*arguments, exact_decimals=True, **settings)


def test_numbers_of_json_can_be_read_as_they_are_written():
    one, other = b"[100000000000000000.01]", b"[100000000000000000.99]"
    assert found(one, other) == []
    assert exactly(one, other) == [("changed", "$[0]")]
    assert exactly(one, other, "application/jsonl") == [("changed", "$[0][0]")]
    assert exactly(b"[1, 1.0, 0e999999999, -0.0]", b"[1.00, 1e0, 0, 0]") == []
    assert exactly(b"[1e400]", b"[Infinity]") == [("changed", "$[0]")]
    assert exactly(b'{"a": 0.10}', {"a": decimal.Decimal("0.1")}, JSON, UNTYPED) == []
    assert exactly(one, other, ignore=[Tolerance("$[*]", abs=1)]) == []
    numbers = [b"0.%d" % number for number in range(1, 200)]
    ours, theirs = (b"[%b]" % b",".join(order) for order in (numbers, numbers[::-1]))
    assert exactly(ours, theirs, ignore=[Unordered("$")]) == []
    assert exactly(b'[{"id":1.0,"a":1},{"id":0.5}]', b'[{"id":0.50},{"id":1,"a":2}]', ignore=[KeyedBy("$", "id")]) == [
        ("changed", "$[0]['a']")
    ]
    assert ShadowConfig(exact_decimals=True).fingerprint != ShadowConfig().fingerprint


@pytest.mark.parametrize("number", ["1e999999999", "-1e-999999999", "1e99999999999999999999", "1." + "1" * 10_000])
def test_numbers_of_no_bounds_are_not_read_exactly(number):
    body = compare(f"[{number}]".encode(), b"[1]", exact_decimals=True)
    assert body.forms == ("bytes", "bytes")
    assert "has more than 10,000 digits, or such an exponent" in body.notes[0]


#: No doubles: too large, too small, and so in every spelling.
NO_DOUBLES = [
    *("1e400", "-1e400", "1E+400", "1.5e0400", "1e309", f"{'9' * 400}.5", f"{'9' * 250}e99", f"0.1e{'0' * 50}400"),
    *("1e-400", "-1e-400", "12.5E-0400", f"0.{'0' * 500}1", f"0.{'0' * 240}1e-99", "1e9999", "-1e-9999"),
]


@pytest.mark.parametrize("number", NO_DOUBLES)
def test_what_is_no_double_is_kept_as_it_is_written(number):
    one = b'{"a": [0.5, %b ]}' % number.encode()
    for other in ("Infinity", "-Infinity", "0", "-0.0", "1e401", "1e-401", "-1e999"):
        assert found(one, b'{"a": [0.5, %b]}' % other.encode()) == [("changed", "$['a'][1]")]
    assert found(one, one.replace(b" ", b"")) == []
    assert found(one, one.replace(b"0.5", b"0.25")) == [("changed", "$['a'][0]")]
    for body in (number, f" {number} ", f'"",{number}\n', rf'"\"",{number}'):
        assert found(f"[{body}]".encode(), f"[{body.replace(number, 'Infinity')}]".encode()) != []
        lines = (f"[{each.strip()}]\n1".encode() for each in (body, body.replace(number, "0")))
        assert found(*lines, "application/jsonl") != []
    assert found(number.encode(), b"0") == found(number.encode(), b" 0 ") == [("changed", "$")]
    assert found(f"[{number},1]".encode(), f"[1,{number}]".encode(), ignore=[Unordered("$")]) == []
    keyed = [f'[{{"id":{number},"a":{n}}},{{"id":0,"a":1}}]'.encode() for n in (1, 2)]
    assert found(*keyed, ignore=[KeyedBy("$", "id")]) == [("changed", "$[0]['a']")]


def test_a_number_that_is_no_double_is_the_same_in_other_words():
    assert found(b"[1e400, 1e-400]", b"[10E399, 0.1E-399]") == []
    assert found(b"[1e400]", b"[1%b]" % (b"0" * 400)) == []
    assert found(b"[1e400]\n1e-400", b"[10E399]\n10e-401", "application/jsonl") == []
    assert found(b"[1e400]", b"[1.0001e400]", ignore=[Tolerance("$[*]", rel=0.01)]) == []
    assert found(b"1e400\n0", b"1e401\n0", "application/jsonl") == [("changed", "$[0]")]


def test_all_other_numbers_are_doubles():
    assert found(b"[0e400, -0.0e-400, 1e308, 1e-320]", b"[0, 0, 1.0e308, 10e-321]") == []
    assert found(b"[0.%b]" % (b"0" * 400), b"[0]") == []
    assert found(b"[0e400, 0.0e-400]", b"[0.0, 0.0]", strict=True) == []
    one, other = (b'[1e400, {"a": %b}]' % number for number in (b"0.1", b"0.10000000000000001"))
    assert found(one, other) == []  # also beside one that is none
    texts = rb'"1e400", "\"1e400,", "8e000 1e4000,"'
    assert found(b"[%b, 0.1]" % texts, b"[%b, 1e-1]" % texts) == []
    assert found(b'["8e000", 0.1]', b'["8e000", 1e-1]') == []


def test_what_is_no_double_has_bounds_too():
    body = compare(b"[1e10001]", b"[1]")
    assert body.forms == ("bytes", "bytes")
    assert "has more than 10,000 digits, or such an exponent" in body.notes[0]


def test_decimals_of_any_size_are_numbered_without_a_word_of_them():
    def numbers(order):
        return [decimal.Decimal(number) for number in order]

    odd = ["1e9999999", "-1e-9999999", "0.1", "0e9999999", "1e30", "Infinity", "1e350", "0.25", f"1e350{'':0>0}"]
    assert Divergence.compare(numbers(odd), numbers(odd[::-1]), ShadowConfig(ignore=[Unordered("$")])) is None
    tenth = [fractions.Fraction(1, 10), fractions.Fraction(10**400 + 1, 3), fractions.Fraction(4, 2)]
    other = [2, fractions.Fraction(10**400 + 1, 3), decimal.Decimal("0.1")]
    assert Divergence.compare(tenth, other, ShadowConfig(ignore=[Unordered("$")])) is None


# ── str ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_json_as_str_is_json():
    assert found('{"a": 1, "b": [2]}', ' {"b":[2.0],"a":1}\n', UNTYPED) == []
    body = compare('{"a": 1}', '{"a": 2}', UNTYPED)
    assert body.forms == ("json", "json")
    assert [change.path for change in body.changes] == ["$['a']"]
    assert found('{"a": 1}', b'\xef\xbb\xbf{"a":1}', UNTYPED) == []
    assert found('{"a": 1}', b'{"a":2}', UNTYPED, JSON) == [("changed", "$['a']")]
    assert found('\ufeff{"a": 1, "a": 1, "\ud800": 1}', '{"a":1, "\ud800": 2}', UNTYPED) == [
        ("changed", r"$['\ud800']")
    ]
    assert compare('{"a": 1}', '{"a":1}', UNTYPED, decode=False).forms == ("text", "text")


def test_other_texts_are_texts():
    for one, other in (("{a}", "{b}"), ("[1]", "1"), ('"a"', '"b"'), ("", "[]"), ("a\nb", "a\nc")):
        assert compare(one, other, UNTYPED).forms == ("text", "text")
    assert compare("[1]", b'"[2]"', UNTYPED, JSON).forms == ("value", "json")
    assert found("[1]", b'"[1]"', UNTYPED, JSON) == []
    assert found("[1]", b"[1]", UNTYPED, "text/plain") == []
    assert compare("[1]", b"[2]", UNTYPED, "text/plain").forms == ("value", "text")
    assert compare("[1]", [2], UNTYPED).forms == ("value", "value")
    assert compare("{a}", b"{a}", UNTYPED).forms == ("value", "bytes")


class Name(str):
    """A text of a class of its own."""


def test_a_text_with_a_content_type_is_read_by_it():
    assert found('"a"', ' "a"') == []
    assert found("a=1&b=2", "b=2&a=1", "application/x-www-form-urlencoded") == []
    assert found(Name("[1]"), "[1]") == []
    body = compare("{", "[1]")
    assert body.forms == ("text", "text")
    assert body.notes[0].startswith("the bodies are compared as they are: the primary's: it can't be read as json")
    assert compare("\x91\x01", b"\x92", PACK).forms == ("value", "bytes")
    assert found("é", "è", "a/b", decoders={"a/b": lambda body: len(body)}) == []


def test_equal_texts_are_never_decoded():
    def never(body):
        raise AssertionError(body)

    assert compare("{", "{", "a/b", decoders={"a/b": never}) is None
    assert compare(Name("{"), "{", "a/b", decoders={"a/b": never}) is None


# ── byte order marks, fields of forms ────────────────────────────────────────────────────────────────────────────────


def test_a_byte_order_mark_is_no_part_of_json():
    mark = b"\xef\xbb\xbf"
    assert found(mark + b"[1]", b"[1]", UNTYPED) == []
    assert found(mark + b"[1]", b"[1]") == []
    assert found(mark + b"1\n2", b"1\n2", "application/jsonl") == []
    assert found("[1]".encode("utf-16"), b"[1]", "application/json; charset=utf-16", JSON) == []
    assert found("\ufeff[1]".encode("utf-16-le"), b"[1]", "application/json; charset=utf-16-le", JSON) == []
    assert found("a".encode("utf-16"), b"a", "text/plain; charset=utf-16", "text/plain") == []
    assert compare(mark * 2 + b"[1]", b"[1]").forms == ("bytes", "bytes")


def test_all_of_a_form_counts():
    kind = "application/x-www-form-urlencoded"
    assert found(b"a&=x&&b=1", b"a=&=x&b=1", kind) == []  # URL standard §5.1
    assert found(b"a=1;b=2", b"a=1&b=2", kind) == [("changed", "$['a'][0]"), ("added", "$['b']")]
    assert found(b"a=1\n", b"a=1", kind) == [("changed", "$['a'][0]")]
    assert found(b"\xef\xbb\xbfa=1", b"a=1", kind) != []
    assert found(b"a=%ED%B3%BF", b"a=%FF", kind) == [("changed", "$['a'][0]")]


# ── decoders that get the content type ───────────────────────────────────────────────────────────────────────────────


def with_type(body, content_type):
    return content_type.partition("x=")[2]


class Loader:
    def load(self, body, content_type="?"):
        return content_type.partition("x=")[2]


def test_a_decoder_gets_the_content_type_if_it_asks_for_it():
    for decoder in (with_type, Loader().load, lambda body, kind, /: kind.partition("x=")[2]):
        assert found(b"1", b"2", "a/b; x=1", "a/b;x=1", decoders={"a/b": decoder}) == []
        assert found(b"1", b"2", "a/b; x=1", "a/b;x=2", decoders={"a/b": decoder}) == [("changed", "$")]
    for decoder in (bytes.decode, json.loads, int, bytes.lower, lambda *arguments: len(arguments)):
        assert found(b"1", b"01"[:1] + b" ", "a/b", decoders={"a/b": decoder}) is not None
    assert found(b"1", b"2", "a/b", decoders={"a/b": lambda *arguments: len(arguments)}) == []


@pytest.mark.parametrize("decoder", [lambda: 1, lambda a, b, c: 1, lambda body, *, must: 1])
def test_a_decoder_that_cant_be_called_is_refused(decoder):
    with pytest.raises(TypeError, match="'a/b' must take the body, or the body and its content type"):
        ShadowConfig(decoders={"a/b": decoder})


def test_the_collector_rests_while_large_bodies_are_compared():
    running = []

    def decoder(body):
        running.append(gc.isenabled())
        return len(body) // 10_000_000 if body[-1:] == b"x" else 1 / 0

    def differ(size, end=b"x"):
        sides = [ResponseRecord(bytes(size) + start + end, headers={"content-type": "a/b"}) for start in (b"0", b"1")]
        return Divergence.compare(*sides, ShadowConfig(decoders={"a/b": decoder}))

    assert differ(1_000) is None
    assert differ(1_000_000) is None
    assert running == [True, True, False, False]
    assert differ(1_000_000, b"y").body.notes  # what a decoder raises
    assert gc.isenabled()
    gc.disable()
    try:
        assert differ(1_000_000) is None
        assert not gc.isenabled()  # who has turned it off wants it off
    finally:
        gc.enable()
