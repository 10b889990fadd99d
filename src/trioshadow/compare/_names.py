"""Which members of two objects have the same name, where a dict can't tell. Names are the same where they are so as
values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

from ._canonical import Numbering
from ._children import Members
from ._kinds import Kinds
from ._match import Matching, Pair
from ._plan import State
from ._shapes import exact_key
from ._undecided import Undecided

#: Are two values the same at a place with this state? May raise Undecided.
Asks: TypeAlias = Callable[[object, object, State | None], bool]


class Names:
    """Of one comparison."""

    def __init__(self, *, strict: bool, kinds: Kinds) -> None:
        self._numbering = Numbering(strict=strict, kinds=kinds)
        self._by_rules = bool(kinds.comparers)

    def paired(self, primary: Members, shadow: Members, state: State | None, asks: Asks) -> tuple[list[Pair], str]:
        """The members of two objects, of the state `state`, in the primary's order, then what only the shadow has; and
        what there is to be noted.

        Mostly numbers tell (`_canonical.py`), and `asks` is asked where they can't. Where a name may be that of several
        members, it is of one that is the same, if it can. Raises Undecided, but not where it is known that one has no
        counterpart.
        """
        ours, theirs = ([self._numbering.name(name) for name, _ in side] for side in (primary, shadow))
        counts, others = Counter(ours), Counter(theirs)
        places = {number: j for j, number in enumerate(theirs) if counts[number] == others[number] == 1}
        partners = {i: places[number] for i, number in enumerate(ours) if number in places}
        left = [i for i, number in enumerate(ours) if number not in places]
        right = [j for j, number in enumerate(theirs) if number not in places]

        def below_name(name: object) -> State | None:
            return None if state is None else state.child(exact_key(name))

        def same_name(i: int, j: int) -> bool:
            return asks(primary[left[i]][0], shadow[right[j]][0], None)

        def same(i: int, j: int) -> bool:
            (name, value), (_, other) = primary[left[i]], shadow[right[j]]
            return same_name(i, j) and asks(value, other, below_name(name))

        exact = self._numbering.exact
        outlines = [ours[i] if exact else 0 for i in left], [theirs[j] if exact else 0 for j in right]
        may_be_several = self._by_rules or max(*counts.values(), *others.values(), 0) > 1
        lonely, note = False, ""
        known: dict[int, int] = {}
        try:
            for wanted in (same, same_name) if may_be_several else (same_name,):
                matching = Matching(*outlines, known, wanted)
                known = matching.partners
                for i in range(len(left)):
                    if i not in known and not matching.find(i):
                        below = below_name(primary[left[i]][0])
                        lonely = lonely or below is None or not below.may_be_missing
        except Undecided:
            if not lonely:
                raise
            note = "the names of members are too many to find all that are the same"
        partners |= {left[i]: right[j] for i, j in known.items()}
        taken = set(partners.values())
        pairs = [(i, partners.get(i)) for i in range(len(ours))]
        return [*pairs, *((None, j) for j in right if j not in taken)], note
