"""Two bodies, of bytes or any values: decoded where that helps, walked, and what was found."""

from __future__ import annotations

import attrs

from ._collector import resting_collector
from ._decode import Reader, decode
from ._diffs import Change
from ._forms.decoded import Decoded, Manner, NotDecoded
from ._forms.of_json import looks_like_json, read_json
from ._keep import first_difference
from ._kinds import ANY, Kinds
from ._met import RuleUse
from ._plan import State
from ._questions import Questions
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
    decoders: dict[str, Reader]
    exact_decimals: bool = False
    use: RuleUse | None = None
    kinds: Kinds = ANY

    @property
    def manner(self) -> Manner:
        """How bodies are read."""
        return Manner(exact=self.exact_decimals, strict=self.strict)


@attrs.frozen
class Side:
    """One side's body."""

    body: object
    content_type: str | None
    """None where there is none."""


def compare_bodies(primary: Side, shadow: Side, rules: BodyRules, prefix: int | None = None) -> Findings | None:
    """What differs, None if nothing does. Bodies that are exact bytes are known to differ; `prefix`: from where on, if
    that is known.

    Raises what a foreign `__eq__` raises where it is all that there is to compare, and Undecided.
    """
    if rules.root is not None and rules.root.ignored:
        return None
    ours, theirs = _as_bytes(primary.body), _as_bytes(shadow.body)
    if ours is not None and (ours is not primary.body or theirs is not shadow.body) and ours == theirs:
        return None
    contents = _Content(primary, ours), _Content(shadow, theirs)
    with resting_collector(sum(content.size for content in contents)):
        return _compare_contents(contents, rules, prefix)


def _compare_contents(contents: tuple[_Content, _Content], rules: BodyRules, prefix: int | None) -> Findings | None:
    ours, theirs = (content.data if isinstance(content.data, bytes) else None for content in contents)
    left, right, notes = _read(*contents, rules)
    forms = (left.form, right.form)
    plainly = rules.root is None and not rules.kinds.comparers
    if plainly and ours is not None and theirs is not None and forms == (BYTES, BYTES):
        return _bytes_differ(ours, theirs, notes, prefix)
    in_trees = left.form in _TREES and right.form in _TREES and not rules.converts and not rules.exact_decimals
    if in_trees:
        trees: SameTrees | None = SameTrees(_SAME_BUDGET * sum(content.size for content in contents))
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
    questions = Questions(strict=rules.strict, decoded=in_trees, kinds=rules.kinds)
    walk = Walk(questions, limit=rules.limit, same_trees=trees)
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
        return _bytes_differ(ours, theirs, notes, prefix)
    prefix = first_difference(ours, theirs) if prefix is None else prefix
    return Findings(tuple(found.changes), found.count, forms, tuple(notes), prefix)


def _bytes_differ(ours: bytes, theirs: bytes, notes: list[str], prefix: int | None) -> Findings:
    # There are no places in them: where the first difference is says more than that all of it changed.
    prefix = first_difference(ours, theirs) if prefix is None else prefix
    start = max(0, prefix - _LEAD)
    excerpts = (ours[start : start + _EXCERPT], theirs[start : start + _EXCERPT])
    return Findings((), 0, (BYTES, BYTES), tuple(notes), prefix, excerpts)


#: What these decoders make are trees of builtins.
_TREES = frozenset(("json", "ndjson", "json-seq", "form", "msgpack", TEXT, BYTES))

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


class _Content:
    """One side's body, if it is bytes or a text: what can be decoded."""

    def __init__(self, side: Side, data: bytes | None) -> None:
        self.data: bytes | str | None = data
        """The body as an exact builtin; None for any other value."""
        if data is None and safe_shape(side.body) is Shape.TEXT:
            text = plain(side.body)
            assert isinstance(text, str)
            self.data = text
        self.size = 0 if self.data is None else len(self.data)
        self.content_type = side.content_type
        self.undecoded = Decoded(side.body, VALUE) if data is None else Decoded(data, BYTES)


def _read(ours: _Content, theirs: _Content, rules: BodyRules) -> tuple[Decoded, Decoded, list[str]]:
    """Both sides, decoded if both can be: half a reading is none."""
    sides = (ours, theirs)
    undecoded = ours.undecoded, theirs.undecoded
    if all(isinstance(side.data, str) for side in sides):
        undecoded = attrs.evolve(undecoded[0], form=TEXT), attrs.evolve(undecoded[1], form=TEXT)
    if not rules.decodes or all(side.data is None for side in sides):
        return *undecoded, []
    if isinstance(ours.data, str) and ours.data == theirs.data:  # bytes are known to differ
        return *undecoded, []
    found: list[Decoded | None] = []
    for name, side in zip(_SIDES, sides, strict=True):
        if side.data is None or side.content_type is None:
            found.append(None)
            continue
        try:
            decoded = decode(side.data, side.content_type, rules.decoders, rules.manner)
        except NotDecoded as reason:
            how = "bytes" if all(one.form == BYTES for one in undecoded) else "they are"
            return *undecoded, [f"the bodies are compared as {how}: the {name}'s: {reason}"]
        if decoded is None:
            return *undecoded, []
        found.append(decoded)
    try:
        left, right = (
            _guessed(ours, found[0], theirs, found[1], rules),
            _guessed(theirs, found[1], ours, found[0], rules),
        )
    except NotDecoded:
        return *undecoded, []  # nobody says what it is, and they are not both JSON
    if left.form == right.form == VALUE:
        return *undecoded, []
    if (left.form == TEXT) != (right.form == TEXT) and VALUE not in (left.form, right.form):
        return *undecoded, [f"the bodies are compared as bytes: one is {left.form}, the other {right.form}"]
    told = zip(_SIDES, (left, right), strict=True)
    return left, right, [f"in the {name}'s body {note}" for name, decoded in told for note in decoded.notes]


_SIDES = ("primary", "shadow")


def _guessed(
    side: _Content, decoded: Decoded | None, other: _Content, of_other: Decoded | None, rules: BodyRules
) -> Decoded:
    """What was decoded by its content type; what has none is JSON if both sides look like an object or an array. Bytes
    that are not are NotDecoded, and a text that is not is one.
    """
    if decoded is not None or side.data is None:
        return decoded or side.undecoded
    if of_other is not None:
        fits = type(of_other.value) in (dict, list)
    else:
        fits = other.data is not None and looks_like_json(other.data)
    if fits and looks_like_json(side.data):
        return read_json(side.data, manner=rules.manner)
    if isinstance(side.data, bytes):
        raise NotDecoded
    return side.undecoded
