"""When are two values the same wherever they stand? Each value gets a number, and the same values the same number.

It is what finds an element again in an array whose order does not matter, without comparing each with each. Values are
numbered from the leaves up, so that a value's number depends on those of its children and nothing is ever deeper than
one level (hash consing): no recursion, no hash of a deep tuple, no false match by a collision.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from trioshadow._model.errors import passing_error

from ._alike import canonical
from ._cut import Cut
from ._declared import Declaration, declaration_of
from ._error_values import is_error
from ._foreign import is_numpy_time, missing
from ._kinds import ANY, Kinds, has_kind
from ._paths import Key
from ._plan import FUNCTIONS_DEPTH, State, converted
from ._sameness import NAMES
from ._scalars import instant, int_form, is_nan, number_form
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
    shape_of,
)
from ._tables import parts_of_table
from ._values import Extension, Repeated, Timestamp

#: A child: its value, its state, and its key in an object.
_Child: TypeAlias = tuple[object, State | None, Key]

_OPEN = -1

_CONTAINERS = frozenset((Shape.OBJECT, Shape.ARRAY, Shape.SET, Shape.TABLE))

_TIMES = frozenset((datetime.datetime, datetime.date, datetime.time, datetime.timedelta, Timestamp))

#: In place of the class of a mapping, or of a plain value.
_NO_KIND: type = dict


class Numbering:
    """Numbers for values, valid among themselves. `strict` tells apart what differs in type only."""

    def __init__(self, *, strict: bool, kinds: Kinds = ANY) -> None:
        self._strict = strict
        self._kinds = kinds
        self._classes: dict[int, list[list[type]]] = {}  # by number: sorts of classes, each of which has its own
        self._numbers: dict[object, int] = {}
        self._names: dict[object, int] = {}
        self._fresh = itertools.count()
        self._known: dict[tuple[int, int], int] = {}
        self._alive: list[object] = []  # so that no id is used twice
        self._made = 0
        self.exact = not kinds.comparers
        """Is the same number all there is to sameness? Not if there were values that only `==` can compare."""
        self.in_doubt: set[str] = set()
        """Names of members that two values which are the same need not have in common: see `Declaration`."""

    def of(self, value: object, state: State | None) -> int:
        """The number of a value that stands at a place with this state. What the rules take away does not count."""
        results: list[int] = []
        stack: list[_Frame] = [_Frame(iter(((value, state, None),)), results, None)]
        while stack:
            frame = stack[-1]
            for child, child_state, key in frame.children:
                if self._is_left_out(child_state):
                    continue
                if len(stack) > (FUNCTIONS_DEPTH if child_state is not None and child_state.functions else DEPTH_LIMIT):
                    self._give_up(frame.numbers)
                    frame.keys.append(key)
                    continue
                frame.keys.append(key)
                below = self._look(child, child_state, frame.numbers)
                if below is not None:
                    stack.append(below)
                    break
            else:
                stack.pop()
                if frame.close is not None:
                    stack[-1].numbers.append(frame.close(frame))
        return results[0] if results else self._number(())

    def _is_left_out(self, state: State | None) -> bool:
        return state is not None and state.ignored

    def _look(self, value: Any, state: State | None, numbers: list[int]) -> _Frame | None:
        """Number a scalar, or return the frame of a container."""
        try:
            if state is not None and state.functions:
                value, state = self._converted(value, state)
            shape = shape_of(value)
            if shape in _CONTAINERS or (shape is Shape.OPAQUE and is_error(value)):
                place = (id(value), id(state))
                known = self._known.get(place)
                if known == _OPEN:  # it contains itself
                    self._give_up(numbers)
                    return None
                if known is not None:
                    numbers.append(known)
                    return None
                frame = self._container(value, state, shape)
                self._known[place] = _OPEN
                self._alive.append((value, state))
                frame.place = place
                return frame
            form = None if state is None or not state.alike else canonical(value, state.alike)
            if form is not None:
                numbers.append(self._number(("alike", form)))
                return None
            numbers.append(self._number_of_kind(self._scalar(value, shape), type(value)))
        except BaseException as exc:  # other people's `__hash__`, `__eq__`, attributes
            if passing_error(exc) is not None:
                raise
            self._give_up(numbers)
        return None

    def _converted(self, value: object, state: State) -> tuple[object, State | None]:
        if type(value) is Cut:  # what a function makes of the whole nobody knows
            return value, state
        try:
            made, nesting = converted(value, state.functions)
            return made, state.without(nesting)
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            return value, state

    def _container(self, value: Any, state: State | None, shape: Shape) -> _Frame:
        if makes_its_parts(value):
            self._made += 1
            if self._made > MADE_LIMIT:
                raise ValueError("too many containers that make their parts")
        kind = type(value) if self._strict or type(value) is Repeated else None
        if shape is Shape.OPAQUE:
            errors = self._kinds.errors
            exc: Any = value
            self.exact = self.exact and not errors.same_errors
            return self._of_members(errors.members(exc).items(), state, ("error", type(exc), errors.message(exc)))
        if shape is Shape.OBJECT:
            if type(value) is not dict:
                if is_named_tuple(value):
                    self.exact = False  # it may be the same as an array
                record = plain(value)
                cls: Any = type(record)
                declared = declaration_of(cls)
                if declared is not None:
                    self._doubt(declared)
                    written = _children_of_declared(record, declared, state)
                    return self._of_children(iter(written), ("object", kind), value)
            return self._of_members(members(value).items(), state, ("object", kind), value)
        if shape is Shape.TABLE:
            self.exact = False  # elements of other dtypes may be the same
            told, parts = parts_of_table(value, strict=self._strict)
            state = None if state is None else state.of_table()
            return self._of_members(itertools.chain(told, enumerate(parts)), state, (shape, kind))
        numbers: list[int] = []
        if type(value) is Repeated:
            state = None
        jumbled = shape is Shape.SET or (state is not None and state.unordered)
        listed = elements(value)
        if jumbled:
            below = state.element() if state is not None else None
            alike: Iterator[_Child] = ((element, below, None) for element in listed)
            return _Frame(
                alike, numbers, lambda frame: self._close(frame, (shape, kind, tuple(sorted(frame.numbers))), value)
            )
        children = (
            (element, state.child(index) if state is not None else None, index) for index, element in enumerate(listed)
        )
        return _Frame(
            children,
            numbers,
            lambda frame: self._close(
                frame, ("array", kind, tuple(zip(frame.keys, frame.numbers, strict=True))), value
            ),
        )

    def _of_members(
        self, named: Iterable[tuple[Any, Any]], state: State | None, form: tuple[object, ...], value: object = None
    ) -> _Frame:
        """Of what has members by name. `value`: what may be of a kind."""
        children = (
            (member, state.child(exact_key(name)) if state is not None else None, name) for name, member in named
        )
        return self._of_children(children, form, value)

    def _of_children(self, children: Iterator[_Child], form: tuple[object, ...], value: object) -> _Frame:
        return _Frame(
            ((member, state, self.name(name)) for member, state, name in children),
            [],
            lambda frame: self._close(frame, (*form, *sorted(zip(frame.keys, frame.numbers, strict=True))), value),
        )

    def name(self, name: object) -> int:
        """The number of a member's name: that of a value."""
        if type(name) not in NAMES:
            return self.of(name, None)
        number = self._names.get(name)
        if number is None:
            number = self._names[name] = self.of(name, None)
        return number

    def _doubt(self, declared: Declaration) -> None:
        """There is a record that may be the same as what is not written like it."""
        self.exact = False
        self.in_doubt |= declared.in_doubt

    def _close(self, frame: _Frame, form: object, value: object = None) -> int:
        number = self._number_of_kind(form, type(value))
        self._known[frame.place] = number
        return number

    def _scalar(self, value: Any, shape: Shape) -> object:
        exact = plain(value)
        kind = type(value) if self._strict else None
        if (shape is Shape.OPAQUE or shape is Shape.TIME) and missing(value):
            return ("missing", kind, missing(value))
        if shape is Shape.OPAQUE:
            self.exact = self.exact and type(exact) is Extension
            return (shape, kind or type(exact), exact)
        if shape is Shape.TIME:
            # NumPy's days are datetimes, too, and of a subclass nobody knows what it is equal to.
            self.exact = self.exact and type(exact) in _TIMES and not is_numpy_time(value)
            return (shape, kind, exact if (since := instant(exact)) is None else (since,))
        if shape is Shape.NUMBER:
            return (shape, kind, self._as_number(exact))
        return (shape, kind, exact)

    def _as_number(self, exact: Any) -> object:
        if is_nan(exact):
            return "NaN"
        if type(exact) is complex and exact.imag:
            return (self._as_number(exact.real), self._as_number(exact.imag))
        if type(exact) is complex:
            exact = exact.real
        if type(exact) is decimal.Decimal or type(exact) is fractions.Fraction:
            form = number_form(exact)
            if form is None:
                self.exact = False
                return exact
            exact = form
        if type(exact) is float and exact.is_integer():
            exact = int(exact)
        return int_form(exact) if type(exact) is int else exact

    def _number_of_kind(self, form: object, cls: type) -> int:
        """The number of what may be a record, or a member of an enum: another with the same content may be unlike it.

        Those of one content are sorted, so that in each sort every class is alike to every other.
        """
        kind = not self._strict and has_kind(cls)
        if not kind and not self._classes:
            return self._number(form)
        taken = form in self._numbers
        number = self._number(form)
        if number not in self._classes:
            if not kind:
                return number
            self._classes[number] = [[_NO_KIND]] if taken else [[]]
        cls = cls if kind else _NO_KIND
        sorts = self._classes[number]
        alike = self._kinds.alike
        fits = [
            all(alike(cls, other) and alike(other, cls) and _declare_alike(cls, other) for other in sort)
            for sort in sorts
        ]
        if cls is _NO_KIND and len(sorts) > 1:
            fits = [sort == [_NO_KIND] for sort in sorts]  # it may be either of two that are not the same
        if True not in fits:
            sorts.append([])
            fits.append(True)
        place = fits.index(True)
        if cls not in sorts[place]:
            sorts[place].append(cls)
        others = itertools.chain.from_iterable(sort for sort in sorts if sort is not sorts[place])
        if any(alike(cls, other) or alike(other, cls) for other in others):
            self.exact = False  # it may be the same as what has another number
        return number if not place else self._number((number, place))

    def _number(self, form: object) -> int:
        number = self._numbers.get(form)
        if number is None:
            number = self._numbers[form] = next(self._fresh)
        return number

    def _give_up(self, numbers: list[int]) -> None:
        self.exact = False
        numbers.append(next(self._fresh))


def _children_of_declared(record: Any, declared: Declaration, state: State | None) -> list[_Child]:
    """The members of a record as they are written. A rule that does not say the same of both names of a member is as
    none, and so are rules where a key is compared.
    """
    attributes = {name: attribute for attribute, name in declared.written.items()}
    children: list[_Child] = []
    for name, member in declared.by_itself(record).items():
        below = None if state is None else state.child(name)
        if name in declared.keys:
            function = declared.keys[name]
            children.append(({function: function(member)}, None, name))
        elif state is not None and name in attributes and below is not state.child(attributes[name]):
            children.append((member, None, name))
        else:
            children.append((member, below, name))
    return children


def _declare_alike(cls: type, other: type) -> bool:
    """Are two records of these classes the same if they are written alike?"""
    return cls is other or _NO_KIND in (cls, other) or declaration_of(cls) is declaration_of(other) is None


class Outline(Numbering):
    """The same of what no rule touches: two values that are the same under the rules have the same outline, if it is
    `exact`. Most that are not the same have another.
    """

    def __init__(self, *, strict: bool, kinds: Kinds, in_doubt: set[str]) -> None:
        """`in_doubt`: of the `Numbering` that has seen all values before."""
        super().__init__(strict=strict, kinds=kinds)
        self.in_doubt = in_doubt
        self._left_out = 0

    def of(self, value: object, state: State | None) -> int:
        if len(self.in_doubt) != self._left_out:
            self._known.clear()
            self._left_out = len(self.in_doubt)
        return super().of(value, state)

    def _doubt(self, declared: Declaration) -> None:
        """What is in doubt is left out."""

    def _of_children(self, children: Iterator[_Child], form: tuple[object, ...], value: object) -> _Frame:
        if self.in_doubt:
            names = ((exact_key(child[2]), child) for child in children)
            children = (child for name, child in names if type(name) is not str or name not in self.in_doubt)
        return super()._of_children(children, form, value)

    def _number_of_kind(self, form: object, cls: type) -> int:  # noqa: ARG002 - as of the base
        return self._number(form)  # a dict may be any record

    def _is_left_out(self, state: State | None) -> bool:
        return state is not None and state.may_be_missing

    def _look(self, value: Any, state: State | None, numbers: list[int]) -> _Frame | None:
        if type(value) is Cut:
            return super()._look(value, state, numbers)
        if state is not None and (state.functions or state.subset or (state.unordered and state.minds_places)):
            numbers.append(self._number("anything"))
            return None
        if state is not None and state.alike and shape_of(value) not in _CONTAINERS:
            numbers.append(self._number("no container"))
            return None
        return super()._look(value, state, numbers)


class _Frame:
    """A container whose children are being numbered."""

    __slots__ = ("children", "close", "keys", "numbers", "place")

    def __init__(self, children: Iterator[_Child], numbers: list[int], close: Callable[[_Frame], int] | None) -> None:
        self.children = children
        self.numbers = numbers
        self.close = close
        self.keys: list[Key] = []
        self.place: tuple[int, int] = (0, 0)
