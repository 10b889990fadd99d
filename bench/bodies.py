"""What comparing decoded bodies costs: JSON, MessagePack, text, and values that never were bytes.

The unit is decoding: `json.loads` of both sides is what no comparison of two JSON bodies comes without, so a ratio says
how much more than that it is. Answers are records with a content type, as an HTTP client would make them, and go
through `Divergence.compare`. Decoding is part of what is measured, except where the row says that nothing is decoded.

What these rows do not tell: that all of it runs in the leg, on the caller's event loop; what other documents cost
(`pairs.py` has real ones); what other libraries take (`others.py`).
"""

from __future__ import annotations

import difflib
import functools
import importlib
import json
from typing import Any

from trioshadow import ResponseRecord, ShadowConfig
from trioshadow.compare import Accept, IgnorePath, KeyedBy, Normalize, Subset, Tolerance, Unordered

from lib.documents import DIFFERENCES, ITEMS, MANY_ITEMS, changed, document, written
from lib.table import Row, Section, us
from lib.timing import Effort, Rounds, timed, timed_once
from lib.work import Work, comparing, loading, record, row

_PLAIN = ShadowConfig.full_sample()
#: None of them takes one of the differences away: what is measured is what it costs to ask.
_TEN_RULES = ShadowConfig(
    ignore=[
        IgnorePath("$.meta.generated_at"),
        IgnorePath("$.items[*].etag"),
        IgnorePath("$.items[*].stock.*.since"),
        IgnorePath("$..updated_at"),
        IgnorePath("$..links[*].href"),
        Tolerance("$.items[*].price", rel=1e-9),
        Tolerance("$.items[*].stock.here", abs=0.5),
        Subset("$.items[*].stock"),
        Normalize("$.items[*].name", str.casefold),
        Accept(lambda *_: False, "$.items[*].id"),
    ]
)
_KEYED = ShadowConfig(ignore=[KeyedBy("$.items", "id")])
_UNORDERED = ShadowConfig(ignore=[Unordered("$.items")])
_HEADERS = 20
_LINES = 2_000
_ELEMENTS = 2_000
_HOLD = 3.0
#: 5 MB lie further from the processor than 100 KB; beyond this it would no longer be that.
_HOLD_LINEAR = 1.5
#: Works of microseconds: more of them, so that a round takes milliseconds.
_QUICK = frozenset(("equal bytes", "memcmp", "headers", "no headers"))


def _backwards(value: Any) -> Any:
    """Make the same value, with the members of its objects in the reverse order."""
    if isinstance(value, dict):
        return {name: _backwards(member) for name, member in reversed(value.items())}
    return [_backwards(element) for element in value] if isinstance(value, list) else value


def _array(first: int) -> bytes:
    return written({"items": [{"id": n, "name": f"item {n}", "price": n * 1.25} for n in range(first, _ELEMENTS)]})


def _lines(word: str) -> str:
    step = _LINES // DIFFERENCES
    return "".join(f"line {n}: {word if n % step == 0 else 'some'} words in it\n" for n in range(_LINES))


def _with_headers(count: int) -> ResponseRecord:
    return ResponseRecord(b"body", headers=[(f"x-header-{n}", f"the value of header {n}") for n in range(count)])


def _unified(primary: str, shadow: str) -> object:
    return list(difflib.unified_diff(primary.splitlines(), shadow.splitlines(), lineterm=""))


def _check_that_equal_bytes_are_not_decoded(primary: bytes, equal: bytes) -> None:
    decoded: list[bytes] = []
    config = ShadowConfig(decoders={"application/json": decoded.append})
    comparing(record(primary), record(equal), config, 0)()
    if decoded:
        raise AssertionError("equal bytes were decoded")


def _small() -> dict[str, Work]:
    """All the work on bodies of about 100 KB or less."""
    primary, shadow = written(document()), written(changed())
    equal = bytes(bytearray(primary))
    _check_that_equal_bytes_are_not_decoded(primary, equal)
    other_order = written(_backwards(document()))
    indented = json.dumps(document(), indent=2).encode()
    array, longer = _array(0), _array(-1)
    words, other_words = _lines("some"), _lines("other")
    text, other_text = (record(one.encode(), "text/plain") for one in (words, other_words))
    msgpack: Any = importlib.import_module("msgpack")
    packed = bytes(msgpack.packb(changed()))
    packed_record = record(packed, "application/msgpack")
    return {
        "json": comparing(record(primary), record(shadow), _PLAIN, DIFFERENCES),
        "json loaded": loading(primary, shadow),
        "rules": comparing(record(primary), record(shadow), _TEN_RULES, DIFFERENCES),
        "other order": comparing(record(primary), record(other_order), _PLAIN, 0),
        "other order loaded": loading(primary, other_order),
        "indented": comparing(record(primary), record(indented), _PLAIN, 0),
        "indented loaded": loading(primary, indented),
        "equal bytes": comparing(record(primary), record(equal), _PLAIN, 0),
        "memcmp": lambda: primary == equal,
        "msgpack": comparing(record(primary), packed_record, _PLAIN, DIFFERENCES),
        "msgpack loaded": lambda: (json.loads(primary), msgpack.unpackb(packed)),
        "values": comparing(document(), changed(), _PLAIN, DIFFERENCES),
        "equal values": comparing(document(), document(), _PLAIN, 0),
        "==": functools.partial(dict.__eq__, document(), document()),
        "keyed": comparing(record(array), record(longer), _KEYED, 1),
        "unordered": comparing(record(array), record(longer), _UNORDERED, 1),
        "array loaded": loading(array, longer),
        "text": comparing(text, other_text, _PLAIN, DIFFERENCES),
        "difflib": functools.partial(_unified, words, other_words),
        "headers": comparing(_with_headers(_HEADERS), _with_headers(_HEADERS), _PLAIN, 0),
        "no headers": comparing(_with_headers(0), _with_headers(0), _PLAIN, 0),
    }


def _large() -> dict[str, Work]:
    primary, shadow = written(document(MANY_ITEMS)), written(changed(MANY_ITEMS))
    return {
        "json": comparing(record(primary), record(shadow), _PLAIN, DIFFERENCES),
        "json loaded": loading(primary, shadow),
    }


def _size(items: int) -> float:
    return len(written(document(items))) / 1000


def sections(effort: Effort) -> list[Section]:
    """Measure."""
    calls = max(1, effort.calls // 250)
    small = Rounds(
        {
            name: functools.partial(timed, work, 100 * calls if name in _QUICK else calls)
            for name, work in _small().items()
        },
        effort.rounds,
    )
    # 5 MB are decoded only while they are compared: so large a heap would make each collection above a long one.
    large = Rounds(
        {name: functools.partial(timed_once, work) for name, work in _large().items()}, max(1, effort.rounds // 3)
    )
    both = "json.loads of both"
    each_kb = small.median(lambda one: one["json"]) / _size(ITEMS)
    each_kb_large = large.median(lambda one: one["json"]) / _size(MANY_ITEMS)
    rows = [
        row(small, f"{_size(ITEMS):.0f} KB of JSON, 10 differences", "json", "json loaded", both).hold_at_most(2.2),
        row(small, "  with ten rules", "rules", "json", "without"),
        row(small, "  equal, but the members are in another order", "other order", "other order loaded", both),
        row(small, "  equal, but one of them is indented", "indented", "indented loaded", both),
        row(small, "  equal bytes, which are never decoded", "equal bytes", "memcmp", "one memcmp"),
        row(small, "  the shadow's is MessagePack", "msgpack", "msgpack loaded", "decoding both"),
        row(small, "  values that are compared as they are, 10 differences", "values", "json loaded", both),
        row(small, "  values that are equal", "equal values", "==", "=="),
        row(
            large, f"{_size(MANY_ITEMS) / 1000:.0f} MB of JSON, 10 differences", "json", "json loaded", both
        ).hold_at_most(_HOLD),
        Row(
            "  for each KB, so that it is seen to be linear",
            us(each_kb_large),
            f"{_size(ITEMS):.0f} KB, {us(each_kb)}",
            each_kb_large / each_kb,
        ).hold_at_most(_HOLD_LINEAR),
        row(small, f"{_ELEMENTS:,} objects, one more in front, KeyedBy", "keyed", "array loaded", both).hold_at_most(4),
        row(small, "  Unordered", "unordered", "array loaded", both).hold_at_most(3),
        row(small, f"text of {_LINES:,} lines, of which 10 differ", "text", "difflib", "difflib.unified_diff"),
        row(small, f"{_HEADERS} equal headers and an equal short body", "headers", "no headers", "no headers"),
    ]
    return [Section("What comparing decoded bodies costs", rows)]
