"""Two values, place by place, into what differs. Iterative: 100,000 levels are no deeper than one.

A container that is being walked is a frame, whose iterator gives the children that need a look; equal scalars, which
are nearly all, never leave it. Other people's code (attributes, mappings, `__eq__`, the rules' functions) runs only in
`_compare` and in those iterators, and whatever it raises becomes a change with a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import attrs

from trioshadow._model.errors import describe_error, passing_error

from ._children import MISSING, Child, children_by_runs, children_of_arrays, children_of_objects, paired
from ._diffs import Change, ChangeKind
from ._keep import kept_pair
from ._lines import align
from ._match import Matcher
from ._paths import Key, shown_path, write_path
from ._plan import State, normalized
from ._sameness import SameTrees, same_flat
from ._scalars import close, differ_in_type, same_scalar
from ._shapes import (
    DEPTH_LIMIT,
    MADE_LIMIT,
    Shape,
    elements,
    exact_key,
    is_named_tuple,
    makes_its_parts,
    members,
    plain,
    safe_shape,
    shape_of,
)
from ._write import class_name, written

_ADDED, _REMOVED, _CHANGED, _TYPE = ChangeKind
_OBJECT, _ARRAY, _SET, _TEXT, _OPAQUE = Shape.OBJECT, Shape.ARRAY, Shape.SET, Shape.TEXT, Shape.OPAQUE

#: In place of a key: where we are, as the root, which has none.
_ROOT: Any = type("_Root", (), {})()

_FLAT = frozenset((dict, list))

#: An object that a value holds more than once is walked again where it is met again, but not more often than this in
#: all: 50 lists, each of which holds the next one twice, have 2**50 paths.
_REVISITS = 10_000

#: Unordered arrays in unordered arrays, as deep as a walk may ask about elements from within such a question.
_ASKING_DEPTH = 8

#: Of a larger container the parts are looked at at once: most likely it is not the same as a whole.
_SMALL = 32

#: Deeper than this no part is looked at as a whole: each level may read all that is below it once more.
_DEEP = 16

#: Different notes that one walk makes.
_NOTES = 5
#: Characters of each.
_NOTE_LIMIT = 1_000


@attrs.frozen
class _Whole:
    """An element without a counterpart beside another such: a pair that is reported and not looked into."""

    value: Any


class _Enough(Exception):
    """Raised by a walk that only asks whether two values are the same, when it knows."""


class _Frame:
    """Two containers that are being walked."""

    __slots__ = ("children", "key", "mark", "pair", "positional", "state")

    def __init__(
        self, key: Key, pair: tuple[Any, Any], children: Iterator[Child], state: State | None, *, positional: bool
    ) -> None:
        self.key = key
        self.pair = pair
        self.children = children
        self.state = state
        self.positional = positional
        """Do keys lead to the states of the children? Not where an index means nothing."""
        self.mark: _Mark | None = None


#: That two containers are being compared, under the rules of a state.
_Mark: TypeAlias = tuple[int, int, int]


class Walk:
    """One comparison of two values."""

    def __init__(
        self,
        *,
        strict: bool,
        limit: int,
        same_trees: SameTrees | None = None,
        decoded: bool = False,
        matcher: Matcher | None = None,
    ) -> None:
        """`limit`: changes that are kept. With `same_trees` both values are trees of builtins, of bounded size;
        `decoded`: as a decoder makes them.
        """
        self.changes: list[Change] = []
        """The first ones in the primary's order; what only the shadow has comes at the end of its container."""
        self.count = 0
        """All of them, kept or not."""
        self.notes: list[str] = []
        """What else should be known, in words."""
        self._strict = strict
        self._limit = limit
        self._same_trees = same_trees
        self._trail: list[Key] = []
        self._seen: dict[_Mark, object] = {}
        self._open: set[_Mark | None] = set()
        self._revisits = _REVISITS
        self._made = 0
        self._matcher = Matcher(strict=strict, decoded=decoded) if matcher is None else matcher
        self._depth = 0
        """Above 0 the walk only asks whether two elements of an unordered array are the same."""
        self._counted = False
        """Is it one of many such questions, which together may only cost so much?"""

    def run(self, primary: object, shadow: object, state: State | None) -> None:
        """Compare two values under the rules of a state."""
        root = self._look(_ROOT, primary, shadow, state)
        frames = [] if root is None else [root]
        while frames:
            frame = frames[-1]
            below = self._advance(frame)
            if below is not None:
                self._trail.append(below.key)
                frames.append(below)
                continue
            frames.pop()
            self._open.discard(frame.mark)
            if frames:
                self._trail.pop()

    def _advance(self, frame: _Frame) -> _Frame | None:
        """Go on with the children of a frame until one has children itself."""
        state = frame.state
        try:
            for key, ours, theirs in frame.children:
                key = exact_key(key)  # noqa: PLW2901
                below = None if state is None else state.child(key) if frame.positional else state.element()
                found = self._look(key, ours, theirs, below)
                if found is not None:
                    return found
        except _Enough:
            raise
        except BaseException as exc:  # a key's `__hash__` or `__eq__`, or a container that was changed meanwhile
            self._contain(exc, _ROOT)
            trail, self._trail = self._trail, self._trail[:-1]
            self._add(frame.key, _CHANGED, *frame.pair)
            self._trail = trail
        return None

    def _look(self, key: Key, ours: Any, theirs: Any, state: State | None) -> _Frame | None:
        """Compare two values, or return the frame of two containers."""
        if self._counted:
            self._matcher.looks -= 1
            if self._matcher.looks < 0:
                raise _Enough
        try:
            if type(ours) is type(theirs) and type(ours) in _FLAT:
                if self._seem_same(ours, theirs, key):
                    return None
                if state is None and self._same_trees is not None:  # the way of nearly all that is decoded
                    whole = self._same_trees if len(self._trail) < _DEEP else None
                    return _builtin_frame(key, ours, theirs, whole)
            return self._compare(key, ours, theirs, state)
        except _Enough:
            raise
        except BaseException as exc:
            if key is _ROOT and not self._depth and _OPAQUE in (safe_shape(ours), safe_shape(theirs)):
                raise  # there is nothing else to compare: the comparison has failed
            self._contain(exc, key)
            self._add(key, _CHANGED, ours, theirs)
            return None

    def _seem_same(self, ours: Any, theirs: Any, key: Key) -> bool:
        """Of two exact dicts or lists: are they known at a glance to be the same?"""
        if self._same_trees is None:
            return same_flat(ours, theirs)
        return len(ours) <= _SMALL and key is not _ROOT and len(self._trail) < _DEEP and self._same_trees(ours, theirs)

    def _compare(self, key: Key, ours: Any, theirs: Any, state: State | None) -> _Frame | None:
        if (state is not None and state.ignored) or ours is theirs:
            return None
        if ours is MISSING:
            self._add(key, _ADDED, None, theirs)
            return None
        if theirs is MISSING:
            self._add(key, _REMOVED, ours, None)
            return None
        if type(ours) is _Whole:
            ours, theirs = ours.value, theirs.value
            self._add(key, _CHANGED if shape_of(ours) is shape_of(theirs) else _TYPE, ours, theirs)
            return None
        if state is not None:
            if state.normalizers and not self._matcher.same_as_they_are(ours, theirs):
                ours, theirs = self._normalize(key, ours, theirs, state)
            if any(self._accepts(key, accept, ours, theirs) for accept in state.accepts):
                return None
        shape, their_shape = shape_of(ours), shape_of(theirs)
        if shape is not their_shape:
            if _OPAQUE in (shape, their_shape):
                shape = _OPAQUE  # an object that nothing is known about may know itself to be equal, as NumPy's numbers
            elif self._strict or _ARRAY not in (shape, their_shape) or not is_named_tuple(_other(shape, ours, theirs)):
                self._add(key, _TYPE, ours, theirs)
                return None
            else:
                shape = _ARRAY
        if shape is _OBJECT or shape is _ARRAY or shape is _SET:
            if self._strict and type(ours) is not type(theirs):
                self._add(key, _TYPE, ours, theirs)
                return None
            return self._enter(key, ours, theirs, state, shape)
        if shape is _TEXT and key is _ROOT and not self._depth:
            text, their_text = plain(ours), plain(theirs)
            if "\n" in text or "\n" in their_text:
                return self._lines(text, their_text, state)
        of_two_types = self._strict and type(ours) is not type(theirs)
        if not of_two_types and same_scalar(ours, theirs):
            return None
        if state is not None and any(close(ours, theirs, tolerance) for tolerance in state.tolerances):
            return None
        if (
            shape_of(ours) is shape_of(theirs) is _OPAQUE
            and type.__getattribute__(type(ours), "__eq__") is object.__eq__
        ):
            self._note(f"{class_name(ours)} objects are compared by identity: give a view=")
        self._add(key, _TYPE if of_two_types or differ_in_type(ours, theirs, shape) else _CHANGED, ours, theirs)
        return None

    # ── containers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _enter(self, key: Key, ours: Any, theirs: Any, state: State | None, shape: Shape) -> _Frame | None:
        mark: _Mark | None = None
        if self._same_trees is None:
            mark = (id(ours), id(theirs), id(state))
            if mark in self._open:  # both contain themselves: what differs is being found already
                return None
            if mark in self._seen:
                self._revisits -= 1
                if self._revisits < 0:
                    self._note(f"objects that are there many times were compared {_REVISITS:,} times, and then no more")
                    return None
            self._seen[mark] = (ours, theirs, state)  # kept alive, so that no id is used twice
            if makes_its_parts(ours) or makes_its_parts(theirs):
                self._made += 1
                if self._made > MADE_LIMIT:
                    raise ValueError(f"more than {MADE_LIMIT:,} containers that make their parts")
            if len(self._trail) > DEPTH_LIMIT:
                raise ValueError(f"nested more than {DEPTH_LIMIT:,} deep, or in circles")
        positional = True
        if shape is _OBJECT:
            children = children_of_objects(members(ours), members(theirs), subset=state is not None and state.subset)
        elif shape is _SET:
            self._compare_sets(key, elements(ours), elements(theirs), state)
            return None
        elif state is not None and (state.unordered or state.keyed_by is not None):
            positional = False
            children = self._matched(elements(ours), elements(theirs), state)
        else:
            children = children_of_arrays(elements(ours), elements(theirs))
        frame = _Frame(key, (ours, theirs), children, state, positional=positional)
        if mark is not None:
            frame.mark = mark
            self._open.add(mark)
        return frame

    def _lines(self, ours: str, theirs: str, state: State | None) -> _Frame:
        a, b = ours.split("\n"), theirs.split("\n")
        children = paired(a, b, align(a, b))
        return _Frame(_ROOT, (ours, theirs), children, state, positional=True)

    def _compare_sets(self, key: Key, ours: list[Any], theirs: list[Any], state: State | None) -> None:
        below = None if state is None else state.element()
        if below is not None and below.ignored:
            return
        removed, added = self._matcher.unmatched(ours, theirs, below, self._same)
        self._note_limit()
        # A set has no order; so that two runs of a program say the same:
        for value in sorted((ours[i] for i in removed), key=written):
            self._add(key, _REMOVED, value, None)
        for value in sorted((theirs[j] for j in added), key=written):
            self._add(key, _ADDED, None, value)

    def _matched(self, ours: list[Any], theirs: list[Any], state: State) -> Iterator[Child]:
        """The elements of two arrays in which position means nothing."""
        below = state.element()
        if below is not None and below.ignored:
            return iter(())
        if state.keyed_by is not None:
            return paired(ours, theirs, self._matcher.by_field(ours, theirs, state.keyed_by, below, self._same))
        removed, added = self._matcher.unmatched(ours, theirs, below, self._same)
        self._note_limit()
        if self._depth and (removed or added):
            raise _Enough
        if len(removed) == len(added) == 1:  # the one that became the other
            return paired(ours, theirs, iter(zip(removed, added, strict=True)))
        couples = list(zip(removed, added, strict=False))
        rest = [(i, None) for i in removed[len(couples) :]] + [(None, j) for j in added[len(couples) :]]
        wholes: list[Child] = [(i, _Whole(ours[i]), _Whole(theirs[j])) for i, j in couples]
        return iter(wholes + list(paired(ours, theirs, iter(rest))))

    def _same(self, ours: object, theirs: object, state: State | None, *, counted: bool) -> bool:
        """What the matcher asks about two elements."""
        if self._depth >= _ASKING_DEPTH:
            return False
        asking = Walk(strict=self._strict, limit=0, same_trees=self._same_trees, matcher=self._matcher)
        asking._depth = self._depth + 1
        asking._counted = self._counted or counted
        try:
            asking.run(ours, theirs, state)
        except _Enough:
            return False
        return True

    # ── other people's code, and the results ─────────────────────────────────────────────────────────────────────────

    def _normalize(self, key: Key, ours: Any, theirs: Any, state: State) -> tuple[Any, Any]:
        try:
            return normalized(ours, state.normalizers), normalized(theirs, state.normalizers)
        except BaseException as exc:
            self._contain(exc, key, "Normalize")
            return ours, theirs

    def _accepts(self, key: Key, predicate: Any, ours: Any, theirs: Any) -> bool:
        try:
            return bool(predicate(ours, theirs))
        except BaseException as exc:
            self._contain(exc, key, "Accept")
            return False

    def _contain(self, exc: BaseException, key: Key, what: str = "comparing") -> None:
        """Note what was raised at a key of the container that is walked; _ROOT: at that container."""
        if passing_error(exc) is not None:
            raise exc
        if len(self.notes) < _NOTES:
            name, message = describe_error(exc)
            self._note(f"{what} raised {name} at {shown_path(self._path(key))}: {message}")

    def _path(self, key: Key) -> str:
        return write_path(self._trail if key is _ROOT else [*self._trail, key])

    def _note_limit(self) -> None:
        if self._matcher.gave_up:
            self._note("the elements of an unordered array are too many to compare each with each")

    def _note(self, note: str) -> None:
        note = note[:_NOTE_LIMIT]
        if len(self.notes) < _NOTES and note not in self.notes:
            self.notes.append(note)

    def _add(self, key: Key, kind: ChangeKind, ours: Any, theirs: Any) -> None:
        if self._depth:
            raise _Enough
        self.count += 1
        if len(self.changes) < self._limit:
            ours, theirs = kept_pair(ours, theirs)
            path = self._path(key)
            self.changes.append(Change(path, kind, ours, theirs))


def _builtin_frame(key: Key, ours: Any, theirs: Any, same: SameTrees | None) -> _Frame:
    if type(ours) is dict:
        children = children_of_objects(ours, theirs, subset=False)
    elif same is not None and len(ours) > _SMALL:
        children = children_by_runs(ours, theirs, same)
    else:
        children = children_of_arrays(ours, theirs)
    return _Frame(key, (ours, theirs), children, None, positional=True)


def _other(shape: Shape, ours: object, theirs: object) -> object:
    """Of two values, of which one is an array, the other."""
    return theirs if shape is _ARRAY else ours
