"""All rules of a configuration, compiled once: from a place in a value to what the rules say of it.

The paths of all rules together are one automaton, as those of many regular expressions would be. A `State` stands for a
place: it knows what applies there, and which state its children are in. States are made when a walk first needs them
and kept, so that a walk pays one dict lookup for each child that it looks into, however many rules there are; below a
place that no rule can reach any more there is no state (None), and nothing to pay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ._paths import Key, Segment, parse_path
from ._rules import Accept, IgnorePath, KeyedBy, Normalize, PathRule, Subset, Tolerance, Unordered

#: A rule (by number) and how many of its segments are behind us.
_Position = tuple[int, int]

#: States are kept up to this number. A set of rules such as `$..a[*][*][*]…` may have very many, and bodies that are
#: made to reach them.
STATE_LIMIT = 1_000


_INEXACT = (Tolerance, Subset, Accept, Normalize)


class State:
    """What the rules say of a place, and of those below it."""

    __slots__ = (
        *("_children", "_plan", "_positions"),
        *("accepts", "ignored", "inexact", "keyed_by", "normalizers", "subset", "tolerances", "unordered"),
    )

    def __init__(self, plan: PathPlan, positions: frozenset[_Position]) -> None:
        self._plan = plan
        self._positions = positions
        self._children: dict[Key, State | None] = {}
        rules = [plan.rules[number] for number, done in sorted(positions) if done == len(plan.segments[number])]
        self.ignored = any(type(rule) is IgnorePath for rule in rules)
        self.tolerances = [rule for rule in rules if type(rule) is Tolerance]
        self.normalizers = [rule.function for rule in rules if type(rule) is Normalize]
        self.accepts = [rule.predicate for rule in rules if type(rule) is Accept]
        self.subset = any(type(rule) is Subset for rule in rules)
        self.unordered = any(type(rule) is Unordered for rule in rules)
        keys = [rule.field for rule in rules if type(rule) is KeyedBy]
        self.keyed_by: str | None = keys[-1] if keys else None
        """The last rule counts, and before `unordered`."""
        self.inexact = any(isinstance(plan.rules[number], _INEXACT) for number, _ in positions)
        """Values at or below this place may be the same without having the same canonical form."""

    def child(self, key: Key) -> State | None:
        """The state of the child under this key: an exact str or int, or any other object, which no name selects."""
        if (type(key) is not str and type(key) is not int) or key not in self._plan.vocabulary:
            key = None  # all keys that no rule names lead to one place
        try:
            return self._children[key]
        except KeyError:
            state = self._plan.state(self._step(key))
            if self._plan.has_room():
                self._children[key] = state
            return state

    def element(self) -> State | None:
        """The state of an element whose index means nothing."""
        return self.child(None)

    def _step(self, key: Key) -> frozenset[_Position]:
        reached: set[_Position] = set()
        for number, done in self._positions:
            segments = self._plan.segments[number]
            if done < len(segments):
                if segments[done].descendant:
                    reached.add((number, done))
                if segments[done].selects(key):
                    reached.add((number, done + 1))
        return frozenset(reached)


class PathPlan:
    """The rules that have a path."""

    def __init__(self, rules: Sequence[PathRule]) -> None:
        self.rules = tuple(rules)
        self.segments: tuple[tuple[Segment, ...], ...] = tuple(parse_path(rule.path or "$") for rule in rules)
        every = [segment for segments in self.segments for segment in segments]
        self.vocabulary: frozenset[Key] = frozenset().union(
            *(segment.names for segment in every), *(segment.indexes for segment in every)
        )
        self._states: dict[frozenset[_Position], State] = {}
        self.normalizes = any(type(rule) is Normalize for rule in rules)
        """May the rules put a value in another's place?"""
        self.root = self.state(frozenset((number, 0) for number in range(len(rules))))

    def state(self, positions: frozenset[_Position]) -> State | None:
        """The state that stands for these positions; None if nothing is left to be said."""
        if not positions:
            return None
        state = self._states.get(positions)
        if state is None:
            state = State(self, positions)
            if self.has_room():
                self._states[positions] = state
        return state

    def has_room(self) -> bool:
        """May one more state be kept?"""
        return len(self._states) < STATE_LIMIT


def normalized(value: Any, functions: Iterable[Callable[[Any], Any]]) -> Any:
    """`value` through all functions, in their order."""
    for function in functions:
        value = function(value)
    return value
