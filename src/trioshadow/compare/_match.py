"""Which elements of two arrays belong together when their positions do not say so. Lists in, indexes out.

Where order means nothing two arrays are the same if each element of one can be given an element of the other that is
the same, each once: a perfect matching. Mostly canonical numbers find it (`_canonical.py`): the same number is the same
value. Where rules call values the same that are not equal, pairs are asked about, as few as possible: only those that
have in common what no rule touches, first those that are likely, and each pair once.
"""

from __future__ import annotations

import contextlib
import itertools
import marshal
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import attrs

from ._canonical import Numbering, Outline
from ._cut import Cut
from ._kinds import ANY, Kinds
from ._plan import State
from ._records import named_member
from ._scalars import BIG
from ._shapes import Shape, shape_of
from ._undecided import OutOfBounds, Undecided

#: Index in the primary's array (None: added) and in the shadow's (None: removed).
Pair: TypeAlias = tuple[int | None, int | None]
#: Are these two elements the same, by index? May raise Undecided.
Same: TypeAlias = Callable[[int, int], bool]


@attrs.frozen
class Matched:
    """Which elements of two arrays, by index, are not known to have a counterpart that is the same."""

    likely: list[tuple[int, int]]
    """Each the only one that the other can be the same as: it is not known whether they are."""
    removed: list[int]
    """The primary's for which there is none left."""
    added: list[int]
    """The shadow's."""
    same: dict[int, int]
    """All that are known to be the same."""
    gave_up: bool = attrs.field(default=False, kw_only=True)
    """Some of these may have a counterpart, but not all."""


#: Of each part of a key the names on the way to it.
Keys: TypeAlias = tuple[tuple[str, ...], ...]


class Matcher:
    """Matches the elements of the arrays in two values."""

    def __init__(self, *, strict: bool, decoded: bool = False, kinds: Kinds = ANY) -> None:
        """`decoded`: the values are trees of builtins, as a decoder makes them; `kinds`: what rules say of classes."""
        self._decoded = decoded
        self._strict = strict
        # One for all arrays: what is in an inner one is numbered once.
        self._numbering = Numbering(strict=strict, kinds=kinds)
        self._outline = Outline(strict=strict, kinds=kinds, in_doubt=self._numbering.in_doubt)

    def plainly_same(self, primary: object, shadow: object) -> bool:
        """Are two values the same without any rule? False: who knows."""
        return self._numbering.of(primary, None) == self._numbering.of(shadow, None)

    def by_keys(
        self, primary: Sequence[object], shadow: Sequence[object], keys: Keys, state: State | None
    ) -> list[Pair] | None:
        """Elements with the same key, if that is all there is to it: no rule touches a key, and none is there twice.
        None: who knows. `state` is that of an element.
        """
        if state is not None and (state.loose or any(_below(state, names) is not None for names in keys)):
            return None
        ours = [self._key_of(element, keys, state) for element in primary]
        theirs = [self._key_of(element, keys, state) for element in shadow]
        if not self._numbering.exact or len(set(ours)) < len(ours) or len(set(theirs)) < len(theirs):
            return None
        return list(by_key(ours, theirs))

    def alike_in_key(
        self, primary: Sequence[object], shadow: Sequence[object], keys: Keys, state: State | None
    ) -> list[Pair]:
        """Elements with the same key, as the rules see it, each once; of what has the same key or none in order."""
        ours = [self._key_of(element, keys, state) for element in primary]
        return list(by_key(ours, [self._key_of(element, keys, state) for element in shadow]))

    def _key_of(self, element: object, keys: Keys, state: State | None) -> Hashable:
        if len(keys) == 1:
            return self._part_of_key(element, keys[0], state)
        parts = tuple(self._part_of_key(element, names, state) for names in keys)
        return None if set(parts) == {None} else parts

    def _part_of_key(self, element: object, names: tuple[str, ...], state: State | None) -> Hashable:
        below = _below(state, names)
        if self._decoded and not self._strict and below is None and type(element) is dict and len(names) == 1:
            # Nearly all keys are such, and stand for themselves: that saves the numbering, two thirds of the time of
            # two arrays of 2,000 objects (`nox -s bench`, KeyedBy). What is not decoded may have a Decimal that equals
            # an int.
            value: Any = element.get(names[0])
            kind = type(value)
            if kind is str or (kind is int and -BIG < value < BIG):
                return value  # type: ignore[no-any-return] # of these types
            if kind is float and -BIG < value < BIG and value.is_integer():
                return int(value)
        for name in names:
            if type(element) is Cut:
                self._numbering.exact = False  # what is not seen of it may be its key
                element = element.seen
            if shape_of(element) is not Shape.OBJECT:
                return None
            found = named_member(element, name)
            if not found:
                return None
            (element,) = found
        if below is not None and below.ignored:
            below = None  # who is compared with whom is no difference that may be ignored
        return (self._numbering.of(element, below),)  # no int that stands for itself

    def matched(
        self, primary: Sequence[object], shadow: Sequence[object], state: State | None, same: Same, *, hasty: bool
    ) -> Matched:
        """The elements of two arrays, of the state `state`, whose order means nothing. `same` is asked where their
        numbers can't tell; `hasty`: one element without a counterpart is enough. Raises what `same` raises.
        """
        pairs = self._known_pairs(primary, shadow, state)
        removed, added = alone(pairs)
        known = {i: j for i, j in pairs if i is not None and j is not None}
        if not removed or not added or (self._numbering.exact and (state is None or not state.inexact)):
            return Matched([], removed, added, known)
        return self._found_by_asking(primary, shadow, state, same, known, hasty=hasty)

    def _known_pairs(self, primary: Sequence[object], shadow: Sequence[object], state: State | None) -> list[Pair]:
        """Elements that are the same for sure, and all others."""
        if not self._decoded:
            return list(by_key(*([self._numbering.of(one, state) for one in side] for side in (primary, shadow))))
        # Most are written alike, and so the same. Only the others are numbered.
        pairs = list(by_key(_written(primary), _written(shadow)))
        removed, added = alone(pairs)
        if not removed or not added:
            return pairs
        found = by_key(
            [self._numbering.of(primary[i], state) for i in removed],
            [self._numbering.of(shadow[j], state) for j in added],
        )
        more = [(None if i is None else removed[i], None if j is None else added[j]) for i, j in found]
        pairs = [*(pair for pair in pairs if None not in pair), *more]
        return sorted(pairs, key=lambda pair: (pair[0] is None, pair))

    def _found_by_asking(
        self,
        primary: Sequence[object],
        shadow: Sequence[object],
        state: State | None,
        same: Same,
        known: dict[int, int],
        *,
        hasty: bool,
    ) -> Matched:
        removed = [i for i in range(len(primary)) if i not in known]
        owners = set(known.values())
        added = [j for j in range(len(shadow)) if j not in owners]
        if len(removed) == len(added) and len(known) > _MANY:
            # Most likely the rest is the same among itself. That says nothing against pairs that are known, but saves
            # looking at them.
            left = [primary[i] for i in removed], [shadow[j] for j in added]
            with contextlib.suppress(Undecided):
                alone_so = self._found_by_asking(*left, state, lambda i, j: same(removed[i], added[j]), {}, hasty=True)
                none_left = not (alone_so.removed or alone_so.added)
                if none_left and all(same(removed[i], added[j]) for i, j in alone_so.likely):
                    among = (alone_so.same | dict(alone_so.likely)).items()
                    return Matched([], [], [], known | {removed[i]: added[j] for i, j in among})
        ours = [self._outline.of(element, state) for element in primary]
        theirs = [self._outline.of(element, state) for element in shadow]
        if not self._outline.exact:
            ours, theirs = [0] * len(ours), [0] * len(theirs)
        # Where one element on each side has an outline, these two belong together, the same or not.
        places = {outline: j for j, outline in enumerate(theirs)}
        lone = {outline for counts in (Counter(ours), Counter(theirs)) for outline in counts if counts[outline] > 1}
        likely = [(i, places[ours[i]]) for i in removed if ours[i] in places and ours[i] not in lone]
        matching = Matching(ours, theirs, known | dict(likely), same)
        rest = [i for i in removed if i not in matching.partners]
        others = [j for j in added if j not in matching.owners]
        may_be_missing = state is not None and bool(state.accepts)
        if hasty and not may_be_missing and (len(rest) != len(others) or matching.lonely(rest)):
            return Matched(likely, rest, others, known)
        matching.expect(
            sorted(rest, key=lambda i: contents_of(primary[i])), sorted(others, key=lambda j: contents_of(shadow[j]))
        )
        lonely = False
        unsure: Undecided | None = None
        for i in rest:
            try:
                if matching.find(i) or may_be_missing:
                    continue
            except Undecided as reason:
                unsure = unsure or reason
                if type(reason) is OutOfBounds:
                    break
                continue
            if hasty:
                return Matched(likely, [i], [], known)
            lonely = True
        if unsure is not None and not lonely:  # but if one has no counterpart the arrays differ, whatever the rest is
            raise unsure
        return Matched(
            likely,
            [i for i in rest if i not in matching.partners],
            [j for j in range(len(shadow)) if j not in matching.owners],
            matching.partners,
            gave_up=unsure is not None,
        )


#: Pairs of which nobody can tell, until no more are asked about: that may take long where they recurse.
_UNSURE = 100

#: Elements that are known to have a counterpart, from which on it is worth a try without them.
_MANY = 32


class Matching:
    """As many pairs of elements as there can be, found by asking about few.

    It begins with pairs that are known, and grows along augmenting paths (Berge 1957): an element that has a partner
    keeps one, perhaps another.
    """

    def __init__(self, primary: Sequence[int], shadow: Sequence[int], known: dict[int, int], same: Same) -> None:
        """Of each element its outline: only those with the same one can be the same. `known`: pairs that are."""
        self.partners = dict(known)
        """The shadow's element of each of the primary's, by index."""
        self.owners = {j: i for i, j in known.items()}
        """The other way."""
        self._primary = primary
        self._shadow = shadow
        self._same = same
        self._answers: dict[tuple[int, int], bool | None] = dict.fromkeys(known.items(), True)
        self._unsure: list[Undecided] = []
        self._orders: defaultdict[int, list[int]] = defaultdict(list)
        self._expected: dict[int, int] = {}
        self._places: defaultdict[int, list[int]] = defaultdict(list)
        for j, outline in enumerate(shadow):
            self._places[outline].append(j)

    def _ask(self, i: int, j: int) -> bool | None:
        """None: nobody can tell of these two. Raises Undecided where of too many nobody can."""
        if (i, j) not in self._answers:
            self._answers[i, j] = None
            try:
                self._answers[i, j] = self._same(i, j)
            except Undecided as reason:
                self._unsure.append(reason)
                if type(reason) is OutOfBounds or len(self._unsure) > _UNSURE:
                    raise
        return self._answers[i, j]

    def lonely(self, needed: Iterable[int]) -> list[int]:
        """Those of these elements of the primary's for which there is none that could be the same."""
        return [i for i in needed if self._primary[i] not in self._places]

    def expect(self, ours: Sequence[int], theirs: Sequence[int]) -> None:
        """Elements that come near each other in these orders are asked about first: of elements sorted by what is in
        them these are the same mostly, where it differs by a little.
        """
        for j in theirs:
            self._orders[self._shadow[j]].append(j)
        places: defaultdict[int, int] = defaultdict(int)
        for i in ours:
            self._expected[i] = places[self._primary[i]]
            places[self._primary[i]] += 1

    def _candidates(self, i: int) -> Iterator[int]:
        """Those that could be the same, the likely ones first."""
        outline = self._primary[i]
        if i < len(self._shadow) and self._shadow[i] == outline:
            yield i
        if i in self._expected:
            order, place = self._orders[outline], self._expected[i]
            for away in range(len(order)):
                for at in {place + away, place - away}:
                    if 0 <= at < len(order):
                        yield order[at]
        yield from self._places.get(outline, ())

    def find(self, start: int) -> bool:
        """Find a partner for an element of the primary's, moving others to other partners where needed (breadth
        first). Raises Undecided if there is none for sure, and of some that could be one nobody can tell.
        """
        came_from: dict[int, int] = {}  # j: the i from which we reached it
        is_unsure = False
        waiting = deque([start])
        while waiting:
            i = waiting.popleft()
            for j in self._candidates(i):
                if j in came_from:
                    continue
                same = self._ask(i, j)
                if not same:
                    is_unsure = is_unsure or same is None
                    continue
                came_from[j] = i
                if j in self.owners:
                    waiting.append(self.owners[j])
                    continue
                hand_over(j, came_from, self.partners, self.owners)
                return True
        if is_unsure:
            raise self._unsure[0]
        return False


def hand_over(free: int | None, came_from: dict[int, int], partners: dict[int, int], owners: dict[int, int]) -> None:
    """Each element on the way to a free one takes the one that it reached, and leaves its own to the one before it."""
    while free is not None:
        taker = came_from[free]
        left = partners.get(taker)
        partners[taker], owners[free] = free, taker
        free = left


def contents_of(value: object) -> tuple[list[float], list[str]]:
    """Some numbers and texts in a value, sorted: two values that are nearly the same come near each other by them."""
    numbers: list[float] = []
    texts: list[str] = []
    waiting: list[Any] = [value]
    for _ in range(_LOOKED_AT):
        if not waiting:
            break
        part = waiting.pop()
        kind = type(part)
        if kind is float or (kind is int and -BIG < part < BIG):
            numbers.append(part)
        elif kind is str:
            texts.append(part[:_LOOKED_AT].casefold())
        elif kind is dict:
            waiting.extend(itertools.islice(part.values(), _LOOKED_AT))
        elif kind is list or kind is tuple:
            waiting.extend(itertools.islice(part, _LOOKED_AT))
    return sorted(numbers), sorted(texts)


#: Parts of an element that are looked at for that.
_LOOKED_AT = 2_000


def _below(state: State | None, names: Iterable[str]) -> State | None:
    for name in names:
        state = None if state is None else state.child(name)
    return state


def _written(values: Sequence[Any]) -> list[Hashable]:
    """Each serialised: where that is equal, so are the values."""
    try:
        return [marshal.dumps(value, 2) for value in values]  # version 2 knows no references
    except ValueError:  # too deep
        return [object() for _ in values]


def alone(pairs: Iterable[Pair]) -> tuple[list[int], list[int]]:
    """Of pairs what has no partner: the primary's, the shadow's."""
    removed: list[int] = []
    added: list[int] = []
    for i, j in pairs:
        if j is None and i is not None:
            removed.append(i)
        elif i is None and j is not None:
            added.append(j)
    return removed, added


def by_key(primary: Sequence[Hashable], shadow: Sequence[Hashable]) -> Iterator[Pair]:
    """Pairs of equal keys, in the primary's order; then what only the shadow has. A key that is there twice is matched
    in order.

    >>> list(by_key(["a", "b"], ["b", "c"]))
    [(0, None), (1, 0), (None, 1)]
    """
    places: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for j, key in enumerate(shadow):
        places[key].append(j)
    left = set(range(len(shadow)))
    for i, key in enumerate(primary):
        if places[key]:
            j = places[key].popleft()
            left.discard(j)
            yield i, j
        else:
            yield i, None
    for j in sorted(left):
        yield None, j
