"""Two values of which at least one is not kept whole: the same, different, or nobody knows.

They are the same if they were written alike, and differ where parts that are kept differ, or their types do. All else
is `Undecided`; so is what a function of a rule would have to see whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._children import MISSING, ByName, Child, children_of_arrays, children_of_objects
from ._cut import Cut
from ._diffs import ChangeKind
from ._kinds import Kinds
from ._plan import State
from ._rules import SameNumber, SameText, Tolerance
from ._shapes import Shape, elements, members, plain, shape_of
from ._undecided import Undecided

_CONTAINERS = frozenset((Shape.OBJECT, Shape.ARRAY, Shape.SET))
#: No rule about values without parts is about these, ...
_UNFORGIVEN = _CONTAINERS | {Shape.BYTES, Shape.NULL, Shape.BOOL}
#: ... and about these, if they are so long, only one; any may be about what is not known.
_FORGIVING: dict[frozenset[Shape | None], type] = {
    frozenset((Shape.TEXT,)): SameText,
    frozenset((Shape.NUMBER,)): Tolerance,
    frozenset((Shape.NUMBER, Shape.TEXT)): SameNumber,
}


def verdict_of_cut(ours: Any, theirs: Any, state: State | None, kinds: Kinds, *, strict: bool) -> bool | ChangeKind:
    """Are they the same, or how do they differ? False: their parts tell. Raises Undecided."""
    if type(ours) is type(theirs) and ours == theirs:
        return True
    cut, other = (ours, theirs) if type(ours) is Cut else (theirs, ours)
    (shape, cls), (their_shape, their_cls) = _facts(ours), _facts(theirs)
    if cls is None or their_cls is None:
        raise Undecided(cut.why)
    if _may_be_forgiven(state, {shape, their_shape}) or kinds.functions(cls, their_cls):
        raise Undecided(cut.why)
    if shape is not their_shape:
        if {shape, their_shape} == {Shape.OBJECT, Shape.ARRAY} and not strict:
            raise Undecided(cut.why)  # some records are arrays too
        return ChangeKind.TYPE
    if not _may_be_alike(cls, their_cls, shape, kinds) or (strict and cls is not their_cls):
        return ChangeKind.TYPE
    if shape in _CONTAINERS:
        return False
    if cut.size is not None and _must_differ(cut, other):
        return ChangeKind.CHANGED
    raise Undecided(cut.why)


def _facts(value: Any) -> tuple[Shape | None, Any]:
    return (value.shape, value.kind) if type(value) is Cut else (shape_of(value), type(value))


def _may_be_forgiven(state: State | None, shapes: set[Shape | None]) -> bool:
    """May a rule find the whole values the same, whatever of them is seen? One about their parts is no such rule."""
    if state is None:
        return False
    if state.functions or state.accepts:
        return True
    if shapes & _UNFORGIVEN:
        return False
    rules = _FORGIVING.get(frozenset(shapes))
    return any(rules is None or type(rule) is rules for rule in state.alike)


def _may_be_alike(cls: Any, other: Any, shape: Shape | None, kinds: Kinds) -> bool:
    if shape is not Shape.OPAQUE:
        return kinds.alike(cls, other)
    # An object is compared with `==`, and so with another of its class; an exception by what it says.
    return cls is other or (issubclass(cls, BaseException) and kinds.errors.same_type(cls, other))


def _must_differ(cut: Cut, other: Any) -> bool:
    """A text, bytes or an int, beside another: they are not written alike."""
    if type(other) is Cut:
        return True
    exact = plain(other)
    if cut.shape is not Shape.NUMBER:
        return len(exact) != cut.size or not exact.startswith(cut.seen)
    return exact.bit_length() != cut.size if type(exact) is int else type(exact) in (float, complex)


def seen_of(value: Any) -> Any:
    """What is kept of a container: itself, if it is whole; None if nothing is."""
    return value.seen if type(value) is Cut else value


def lacks_parts(value: Any) -> bool:
    """Has it parts that are not seen?"""
    return type(value) is Cut and not value.is_whole


def children_of_cut(ours: Any, theirs: Any, state: State | None, by_name: ByName, *, in_order: bool) -> Iterator[Child]:
    """What is seen of two containers, at least one of which lacks parts. In the end raises Undecided: what is not seen
    may differ.
    """
    a, b = seen_of(ours), seen_of(theirs)
    children: Iterator[Child] = iter(())
    if a is not None and b is not None:
        shape = shape_of(a)
        if shape is Shape.OBJECT:
            children = children_of_objects(members(a), members(b), state, by_name)
        elif shape is Shape.ARRAY and in_order:
            children = children_of_arrays(elements(a), elements(b))
    for key, one, other in children:
        if not ((one is MISSING and lacks_parts(ours)) or (other is MISSING and lacks_parts(theirs))):
            yield key, one, other
    raise Undecided(next(side.why for side in (ours, theirs) if lacks_parts(side)))
