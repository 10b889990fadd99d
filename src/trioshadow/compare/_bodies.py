"""Two bodies, of bytes or any values: decoded where that helps, walked, and what was found."""

from __future__ import annotations

import attrs

from ._decode import Decoded, Decoder, NotDecoded, decode, decode_json, looks_like_json
from ._diffs import Change
from ._keep import first_difference
from ._kinds import ANY, Kinds
from ._met import RuleUse
from ._plan import State
from ._sameness import SameTrees, same_values
from ._shapes import Shape, plain, safe_shape
from ._undecided import Undecided
from ._walk import Walk

#: How the bodies were read when nothing else is said.
BYTES, TEXT, VALUE = "bytes", "text", "value"

#: Of bytes that nobody can read this much is kept, from a little before the first difference.
_EXCERPT = 48
_LEAD = 16


@attrs.frozen
class Findings:
    """How two bodies differ."""

    changes: tuple[Change, ...]
    count: int
    forms: tuple[str, str]
    notes: tuple[str, ...]
    prefix: int | None = None
    """Bytes that are equal at the start, if both are bytes."""
    excerpts: tuple[bytes, bytes] | None = None


@attrs.frozen
class BodyRules:
    """What of a configuration is about bodies, ready for use."""

    root: State | None
    converts: bool
    strict: bool
    limit: int
    decodes: bool
    decoders: dict[str, Decoder]
    use: RuleUse | None = None
    kinds: Kinds = ANY


@attrs.frozen
class Side:
    """One side's body."""

    body: object
    content_type: str | None
    """None where there is none."""


def compare_bodies(primary: Side, shadow: Side, rules: BodyRules) -> Findings | None:
    """What differs, None if nothing does. Bodies that are exact bytes are known to differ.

    Raises what a foreign `__eq__` raises where it is all that there is to compare, and Undecided.
    """
    if rules.root is not None and rules.root.ignored:
        return None
    ours, theirs = _as_bytes(primary.body), _as_bytes(shadow.body)
    if ours is not None and (ours is not primary.body or theirs is not shadow.body) and ours == theirs:
        return None
    left, right, notes = _read((primary, ours), (shadow, theirs), rules)
    forms = (left.form, right.form)
    plainly = rules.root is None and not rules.kinds.comparers
    if plainly and ours is not None and theirs is not None and forms == (BYTES, BYTES):
        return _bytes_differ(ours, theirs, notes)
    in_trees = left.form in _TREES and right.form in _TREES and not rules.converts
    if in_trees and ours is not None and theirs is not None:
        trees: SameTrees | None = SameTrees(_SAME_BUDGET * (len(ours) + len(theirs)))
    else:
        trees = None
        same = same_values(left.value, right.value)
        if same:
            return None
        if same is None and not rules.converts:
            trees = SameTrees(_VALUES_BUDGET)
    if rules.use is not None and rules.use.paths_open:
        rules.use.look(left.value, right.value)
    if rules.kinds.comparers:
        trees = None  # they may be asked about builtins, too
    walk = Walk(strict=rules.strict, limit=rules.limit, same_trees=trees, decoded=in_trees, kinds=rules.kinds)
    walk.run(left.value, right.value, rules.root)
    found = walk.found
    if not found.count:
        if found.undecided:
            raise Undecided(found.undecided)
        return None
    notes.extend(found.notes)
    if ours is None or theirs is None:
        return Findings(tuple(found.changes), found.count, forms, tuple(notes))
    if forms == (BYTES, BYTES):
        return _bytes_differ(ours, theirs, notes)
    return Findings(tuple(found.changes), found.count, forms, tuple(notes), first_difference(ours, theirs))


def _bytes_differ(ours: bytes, theirs: bytes, notes: list[str]) -> Findings:
    # There are no places in them: where the first difference is says more than that all of it changed.
    prefix = first_difference(ours, theirs)
    start = max(0, prefix - _LEAD)
    excerpts = (ours[start : start + _EXCERPT], theirs[start : start + _EXCERPT])
    return Findings((), 0, (BYTES, BYTES), tuple(notes), prefix, excerpts)


#: What these decoders make are trees of builtins.
_TREES = frozenset(("json", "ndjson", "form", "msgpack", TEXT, BYTES))

#: How many times their bodies' bytes they may be serialised, part by part, to find what is the same: each level of
#: nesting around a difference takes one.
_SAME_BUDGET = 8

#: And values, of which nobody has counted the bytes: as much as documents of half a megabyte each.
_VALUES_BUDGET = 8_000_000


def _as_bytes(body: object) -> bytes | None:
    if type(body) is bytes:
        return body
    if safe_shape(body) is not Shape.BYTES:
        return None
    try:
        exact = plain(body)
    except ValueError:  # a memoryview that was released
        return None
    assert isinstance(exact, bytes)
    return exact


def _read(
    primary: tuple[Side, bytes | None], shadow: tuple[Side, bytes | None], rules: BodyRules
) -> tuple[Decoded, Decoded, list[str]]:
    """Both sides, decoded if both can be: half a reading is none."""
    undecoded = _undecoded(*primary), _undecoded(*shadow)
    if all(one.form == VALUE and safe_shape(one.value) is Shape.TEXT for one in undecoded):
        return Decoded(undecoded[0].value, TEXT), Decoded(undecoded[1].value, TEXT), []
    sides = (primary, shadow)
    if not rules.decodes or all(data is None for _, data in sides):
        return *undecoded, []
    untyped = [data for side, data in sides if data is not None and side.content_type is None]
    if untyped and not all(data is not None and (side.content_type or looks_like_json(data)) for side, data in sides):
        return *undecoded, []  # nobody says what it is, and they do not both look like JSON
    found: list[Decoded] = []
    notes: list[str] = []
    for name, (side, data) in zip(("primary", "shadow"), sides, strict=True):
        if data is None:
            found.append(Decoded(side.body, VALUE))
            continue
        content_type = side.content_type
        try:
            decoded = decode_json(data) if content_type is None else decode(data, content_type, rules.decoders)
        except NotDecoded as reason:
            return *undecoded, [f"the bodies are compared as bytes: the {name}'s: {reason}"] if content_type else []
        if decoded is None:
            return *undecoded, []
        if decoded.note:
            notes.append(f"in the {name}'s body {decoded.note}")
        found.append(decoded)
    left, right = found
    if (left.form == TEXT) != (right.form == TEXT) and VALUE not in (left.form, right.form):
        return *undecoded, [f"the bodies are compared as bytes: one is {left.form}, the other {right.form}"]
    return left, right, notes


def _undecoded(side: Side, data: bytes | None) -> Decoded:
    return Decoded(side.body, VALUE) if data is None else Decoded(data, BYTES)
