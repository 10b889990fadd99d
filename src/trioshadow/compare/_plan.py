"""All rules of a configuration that have a place, compiled once: from a place in a value to what the rules say of it.

The paths of all rules together are one automaton, as those of many regular expressions would be. A `State` stands for a
place: it knows what applies there, and which state its children are in. States are made when a walk first needs them
and kept, so that a walk pays one dict lookup for each child that it looks into, however many rules there are; below a
place that no rule can reach any more there is no state (None), and nothing to pay.
"""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ._paths import ELEMENT, Key, Segment, parse_path
from ._rules import (
    Accept,
    Default,
    IgnoreName,
    IgnorePath,
    KeyedBy,
    Normalize,
    Only,
    PlacedRule,
    SameNumber,
    SameText,
    SameTime,
    Subset,
    Tolerance,
    Unordered,
)
from ._sameness import SCALARS
from ._shapes import Shape, shape_of
from ._undecided import Undecided
from ._values import Told

#: A pattern (by number) and how many of its segments are behind us.
_Position = tuple[int, int]

#: Behind us are more segments than there are, since the rule was handed on to all that is below its place.
_HANDED = -1

#: In place of every key of what is told of a whole and that no rule names.
_TOLD = Told("")

#: States are kept up to this number. A set of rules such as `$..a[*][*][*]…` may have very many, and bodies that are
#: made to reach them.
STATE_LIMIT = 1_000

#: Names that are kept with what the globs of the rules say of them.
_NAMES_KEPT = 1_000

#: Functions that may meet at one place: each selection of them is a way to be the same.
MOST_FUNCTIONS = 5

#: Rules that may call values the same that are no equal ones.
_LOOSE = (Tolerance, Subset, Accept, Normalize, SameNumber, SameText, SameTime, Default)
#: These are about what stands at the place itself, not about its children.
_LOOSE_HERE = (Tolerance, Subset, Accept, Normalize, SameNumber, SameText, SameTime)
#: These about what has no parts. At the place of an array of NumPy's kind, or of a frame, it is its elements.
_OF_SCALARS = (Tolerance, SameNumber, SameText, SameTime)


class State:
    """What the rules say of a place, and of those below it."""

    __slots__ = (
        *("_children", "_plan", "_positions", "accepts", "alike", "defaults", "functions", "ignored", "inexact"),
        *("keyed_by", "loose", "may_be_missing", "minds_places", "on_the_way", "subset", "tolerances", "unordered"),
    )

    def __init__(self, plan: PathPlan, positions: frozenset[_Position], *, ignored: bool) -> None:
        self._plan = plan
        self._positions = positions
        self._children: dict[object, State | None] = {}
        rules = [
            plan.rules[number] for number, done in sorted(positions) if done in (len(plan.segments[number]), _HANDED)
        ]
        self.ignored = ignored or any(type(rule) is IgnorePath or type(rule) is IgnoreName for rule in rules)
        self.alike = [rule for rule in rules if isinstance(rule, _OF_SCALARS)]
        """Rules by which two values without parts may be the same."""
        self.tolerances = [rule for rule in rules if type(rule) is Tolerance]
        self.functions = [rule.function for rule in rules if type(rule) is Normalize]
        self.accepts = [rule.predicate for rule in rules if type(rule) is Accept]
        self.defaults = [rule.value for rule in rules if type(rule) is Default]
        self.subset = any(type(rule) is Subset for rule in rules)
        keys = [rule.keys for rule in rules if type(rule) is KeyedBy]
        self.keyed_by = keys[-1] if keys else None
        """The last rule counts: it says only which elements are shown beside each other."""
        self.unordered = bool(keys) or any(type(rule) is Unordered for rule in rules)
        """Does the position of an element mean nothing here?"""
        self.loose = any(isinstance(rule, _LOOSE_HERE) for rule in rules)
        """May two values here be the same that are not equal, whatever their parts are?"""
        self.inexact = (
            bool(plan.only)
            or any(isinstance(plan.rules[number], _LOOSE) for number, _ in positions)
            or self._may_jumble()
        )
        """May two values at or below this place be the same that have not the same canonical form?"""
        self.on_the_way = bool(plan.only) and not any(
            done == len(plan.segments[number]) for number, done in positions if number in plan.only
        )
        """Is only what is further below compared?"""
        self.may_be_missing = bool(self.ignored or self.accepts or self.defaults or self.on_the_way)
        """May what is here be there on one side only?"""
        self.minds_places = any(
            plan.segments[number][done].indexes for number, done in positions if 0 <= done < len(plan.segments[number])
        )
        """Is there a rule for some of the elements of an array here, by their index?"""

    def _may_jumble(self) -> bool:
        # Where order means nothing and a rule goes by an index, two arrays are the same in one way or in the other.
        plan = self._plan
        alive = {number for number, _ in self._positions}
        return any(isinstance(plan.rules[number], Unordered | KeyedBy) for number in alive) and any(
            segment.indexes
            for number, done in self._positions
            if done != _HANDED
            for segment in plan.segments[number][done:]
        )

    def child(self, key: Key) -> State | None:
        """The state of the child under this key: an exact str or int, or any other object, which no name selects."""
        # All keys that no rule names lead to one place, or to one for each set of globs that they match.
        place: object = key
        if type(key) is str or type(key) is int:
            if key not in self._plan.vocabulary:
                place = self._plan.globs_of(key) if self._plan.globs and type(key) is str else None
        elif type(key) is Told:
            key = place = key if key.name in self._plan.vocabulary else _TOLD
        elif key is not ELEMENT:
            place = None
        try:
            return self._children[place]
        except KeyError:
            state = self._plan.state(self._step(key if place is not None else None))
            if self._plan.has_room():
                self._children[place] = state
            return state

    def element(self) -> State | None:
        """The state of an element whose index means nothing."""
        return self.child(ELEMENT)

    def conversions(self) -> Iterator[tuple[Callable[[Any], Any], ...]]:
        """Each selection of the functions here, in their order: none of them first, all of them last."""
        for length in range(len(self.functions) + 1):
            yield from itertools.combinations(self.functions, length)

    def of_table(self) -> State:
        """The same state, but what it says of values without parts holds for all elements below it, too: the state of
        an array of NumPy's kind, or of a frame.
        """
        segments, rules = self._plan.segments, self._plan.rules
        handed = {
            (number, _HANDED)
            for number, done in self._positions
            if done == len(segments[number]) and isinstance(rules[number], _OF_SCALARS)
        }
        return self if handed <= self._positions else self._plan.state(self._positions | handed) or self

    def beside_default(self) -> State | None:
        """The same state without its own defaults: what holds for a value beside one of these."""
        return self._kept(lambda rule, is_here: not is_here or type(rule) is not Default)

    def without(self, functions: Sequence[Callable[[Any], Any]]) -> State | None:
        """The same state without the `Normalize` rules of these functions, here and below."""
        if not functions:
            return self
        return self._kept(lambda rule, _: type(rule) is not Normalize or rule.function not in functions)

    def _kept(self, is_kept: Callable[[PlacedRule, bool], bool]) -> State | None:
        """The same state with these rules only. They are asked about with whether they are of this place."""
        segments, rules = self._plan.segments, self._plan.rules
        return self._plan.state(
            frozenset(
                (number, done)
                for number, done in self._positions
                if is_kept(rules[number], done == len(segments[number]))
            )
        )

    def _step(self, key: Key) -> frozenset[_Position]:
        reached: set[_Position] = set()
        told = type(key) is Told
        for number, done in self._positions:
            segments = self._plan.segments[number]
            if done == _HANDED:
                if not told:
                    reached.add((number, done))
            elif done < len(segments):
                if told and segments[done].wildcard and number not in self._plan.only:
                    continue  # all children are all columns, or all elements
                if segments[done].descendant:
                    reached.add((number, done))
                # What is compared of one element by its index is compared of all where no index means anything.
                if segments[done].selects(key) or (
                    key is ELEMENT and segments[done].indexes and number in self._plan.only
                ):
                    reached.add((number, done + 1))
            elif number in self._plan.only:
                reached.add((number, done))  # what is below a place that is compared is compared
        return frozenset(reached)


class ColumnState(State):
    """The same of a column of a frame whose rows have no order: no index means anything there."""

    __slots__ = ()

    def __init__(self, column: State) -> None:
        column = column.of_table()
        super().__init__(column._plan, column._positions, ignored=False)  # noqa: SLF001 - of its own kind
        self.minds_places = False

    def child(self, key: Key) -> State | None:
        return super().child(ELEMENT if type(key) is int else key)


class RowState(State):
    """The same of a row of a frame, a record of elements. No rule is about the row itself."""

    __slots__ = ("_columns",)

    def __init__(self, frame: State, columns: dict[Key, State | None]) -> None:
        """`columns`: the states of its columns."""
        super().__init__(frame._plan, frozenset(), ignored=False)  # noqa: SLF001 - of its own kind
        self._columns = columns
        self.on_the_way = False
        self.inexact = frame.inexact

    def child(self, key: Key) -> State | None:
        column = self._columns.get(key)
        if column is None or column.ignored:
            return column
        return self._plan.outside if self.takes_whole(key) else column.of_table().element()

    def takes_whole(self, key: Key) -> bool:
        """Says a rule something of this column as a whole?"""
        column = self._columns[key]
        return column is not None and bool(column.accepts or column.functions or column.unordered)


class PathPlan:
    """The rules that have a place."""

    def __init__(self, rules: Iterable[PlacedRule]) -> None:
        """Raises ValueError for rules that can't go together."""
        rules = tuple(rules)
        if sum(type(rule) is Only for rule in rules) > 1:
            raise ValueError("ignore takes one Only rule: put all paths into it")
        patterns = [(rule, segments) for rule in rules for segments in segments_of(rule)]
        self.rules = tuple(rule for rule, _ in patterns)
        self.segments = tuple(segments for _, segments in patterns)
        self.only = frozenset(number for number, rule in enumerate(self.rules) if type(rule) is Only)
        """Patterns that say what is compared, by number."""
        every = [segment for segments in self.segments for segment in segments]
        self.vocabulary: frozenset[Key] = frozenset().union(
            *(segment.names for segment in every), *(segment.indexes for segment in every)
        )
        self.globs = tuple(segment.glob for segment in every if segment.glob is not None)
        self._globs_of: dict[str, frozenset[int]] = {}
        self._states: dict[frozenset[_Position], State] = {}
        self.outside = State(self, frozenset(), ignored=True)
        """The state of what is not compared."""
        self.converts = any(type(rule) is Normalize for rule in self.rules)
        """May the rules put a value in another's place?"""
        self.root = self.state(frozenset((number, 0) for number in range(len(self.rules))))
        self._refuse_too_many_functions()

    def state(self, positions: frozenset[_Position]) -> State | None:
        """The state that stands for these positions; None if nothing is left to be said."""
        if self.only and all(number not in self.only for number, _ in positions):
            return self.outside
        if all(number in self.only and done == len(self.segments[number]) for number, done in positions):
            return None
        state = self._states.get(positions)
        if state is None:
            state = State(self, positions, ignored=False)
            if self.has_room():
                self._states[positions] = state
        return state

    def has_room(self) -> bool:
        """May one more state be kept?"""
        return len(self._states) < STATE_LIMIT

    def globs_of(self, name: str) -> frozenset[int] | None:
        """Which globs a name matches, by number; None if none does."""
        found = self._globs_of.get(name)
        if found is None:
            found = frozenset(number for number, glob in enumerate(self.globs) if glob.match(name))
            if len(self._globs_of) < _NAMES_KEPT:
                self._globs_of[name] = found
        return found or None

    def _refuse_too_many_functions(self) -> None:
        if sum(type(rule) is Normalize for rule in self.rules) <= MOST_FUNCTIONS:
            return
        waiting = [] if self.root is None else [self.root]
        seen = {id(self.root)}
        while waiting and len(seen) < STATE_LIMIT:
            state = waiting.pop()
            if len(state.functions) > MOST_FUNCTIONS:
                raise ValueError(
                    f"more than {MOST_FUNCTIONS} Normalize rules meet at one place: put the functions into one"
                )
            for key in (None, *self.vocabulary):
                below = state.child(key)
                if below is not None and id(below) not in seen:
                    seen.add(id(below))
                    waiting.append(below)


def segments_of(rule: PlacedRule) -> tuple[tuple[Segment, ...], ...]:
    """The patterns of a rule: one, but of some rules several."""
    if isinstance(rule, IgnoreName):
        glob = re.compile(fnmatch.translate(rule.name), re.DOTALL)
        names = frozenset(filter(glob.match, (rule.name,)))
        return ((Segment(names, frozenset(), wildcard=False, descendant=True, glob=glob),),)
    if isinstance(rule, Only):
        return tuple(map(parse_path, rule.paths))
    return (parse_path(rule.path or "$"),)


def converted_pairs(
    ours: Any, theirs: Any, state: State, failed: Callable[[BaseException], None]
) -> list[tuple[Any, Any, State | None]]:
    """Two values as they are, and after each selection of the functions of a place: each pair once, what all functions
    make of them last. With each the state that holds for it. `failed` is told what one raises, and may raise it again.
    """
    pairs: list[tuple[Any, Any, State | None]] = [(ours, theirs, state)]
    for functions in state.conversions():
        try:
            (one, nesting), (other, more) = converted(ours, functions), converted(theirs, functions)
        except BaseException as exc:
            failed(exc)
            continue
        if not any(one is known and other is beside for known, beside, _ in pairs):
            pairs.append((one, other, state.without([*nesting, *more])))
    return pairs


def converted(value: Any, functions: Sequence[Callable[[Any], Any]]) -> tuple[Any, list[Callable[[Any], Any]]]:
    """`value` through all functions, in their order; and those that put what they get into another value, as `sorted`
    does with a single character: below a place where they also hold they would do so without end.
    """
    nesting: list[Callable[[Any], Any]] = []
    for function in functions:
        if (function is str or function is repr) and shape_of(value) is Shape.TABLE:
            raise TypeError(
                f"{function.__name__}() leaves elements of arrays out: a path such as $.column[*] takes each"
            )
        made = function(value)
        if _holds(made, value):
            nesting.append(function)
        value = made
    return value, nesting


def _holds(made: Any, value: Any) -> bool:
    kind = type(made)
    if kind is not dict and kind not in _BUILTIN_ARRAYS:
        return False
    parts: Iterable[Any] = made.values() if kind is dict else made
    kind = type(value)
    return any(part is value or (type(part) is kind and kind in SCALARS and part == value) for part in parts)


_BUILTIN_ARRAYS = frozenset((list, tuple, set, frozenset))

#: Below so many keys no function is called: one may make a part of each value, without end.
FUNCTIONS_DEPTH = 1_000


def refuse_functions(keys: int) -> None:
    """Raises Undecided below that many."""
    if keys > FUNCTIONS_DEPTH:
        raise Undecided(f"functions are not called more than {FUNCTIONS_DEPTH:,} levels deep")
