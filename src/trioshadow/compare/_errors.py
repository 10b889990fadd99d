"""Two exceptions, into how they differ: their types, the members that are compared, and of groups what they hold.

A group has no order: Trio runs the children of a nursery in another order each time. So the exceptions of two groups
are compared as bags, at every level. Whether two of them are the same is not transitive (`SameError`, `Tolerance`), so
who belongs to whom is a matching in a bipartite graph. Bounded: a group has at most 1,000 exceptions that are looked
at, a matching takes at most the square of that in steps, and only so many pairs of members are walked. Of what is
beyond nobody knows; but what differs elsewhere decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from ._canonical import Numbering
from ._cut import Cut, carrying
from ._diffs import Change, ChangeKind, ErrorDiff
from ._error_values import EXCEPTIONS, common_trees, tree_of
from ._found import Found
from ._kinds import Kinds
from ._match import hand_over
from ._met import RuleUse
from ._paths import Key, write_path
from ._plan import State
from ._questions import Questions
from ._raised import ErrorReader, Raised
from ._undecided import Undecided, all_of
from ._walk import Walk
from ._write import VALUE_LIMIT, Excerpt

#: The members of so many pairs of exceptions are walked in one comparison.
_WALKS = 10_000


@attrs.frozen
class ErrorRules:
    """What of a configuration is about exceptions, ready for use."""

    reader: ErrorReader
    root: State | None
    strict: bool
    strict_errors: bool
    limit: int
    use: RuleUse | None
    kinds: Kinds


def compare_errors(primary: Raised, shadow: Raised | None, rules: ErrorRules) -> ErrorDiff | None:
    """What differs, None if nothing does; the shadow's is None where it answered.

    Raises Undecided, and what the metaclass of a type that a `SameError` names raises.
    """
    if shadow is None:
        return ErrorDiff(primary.name, None, primary.message, "")
    work = _Comparing(rules)
    if work.of_one_sort(primary, shadow):
        if rules.use is not None and rules.use.paths_open and (_has_more(primary) or _has_more(shadow)):
            rules.use.look(_whole(primary), _whole(shadow))
        work.tell(primary, shadow, rules.root, [])
        if not work.found.count:
            if work.found.undecided:
                raise Undecided(work.found.undecided)
            return None
    changes, count = work.found.changes, work.found.count
    if count == 1 and changes[0].path == "$":  # the message alone, which is told in any case
        changes, count = [], 0
    notes = dict.fromkeys((*work.found.notes, *primary.notes, *shadow.notes))
    return ErrorDiff(primary.name, shadow.name, primary.message, shadow.message, tuple(changes), count, tuple(notes))


def _has_more(raised: Raised) -> bool:
    return bool(raised.fields or raised.size >= 0)


def _whole(raised: Raised) -> dict[Key, Any]:
    """A whole record as a value."""
    tree = tree_of(raised.fields)
    if raised.partial:
        tree[EXCEPTIONS] = Cut.of_unkept([], _NOT_LOOKED_AT)
    elif raised.members:
        tree[EXCEPTIONS] = [_whole(member) for member in raised.members]
    return tree


_NOT_LOOKED_AT = "of groups of very many exceptions, or very deep ones, only type and size are compared"


class _Comparing:
    """One comparison."""

    def __init__(self, rules: ErrorRules) -> None:
        self.found = Found(rules.limit)
        self._rules = rules
        self._numbering = Numbering(strict=rules.strict, kinds=rules.kinds)
        self._walks = _WALKS
        self._own: dict[int, dict[Key, Any]] = {}  # by id: what is compared outlives this
        self._numbers: dict[int, int] = {}
        self._by_content: dict[object, int] = {}
        self._part_known: set[int] = set()
        """Numbers of groups of which not all that they hold is looked at."""
        self._same: dict[tuple[int, int, State | None], bool | None] = {}
        self._unsure = ""
        """Why of some pairs nobody knows whether they are the same."""
        self._types: dict[tuple[int, int], bool] = {}

    # ── what differs ─────────────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, ours: Raised, theirs: Raised, state: State | None, trail: list[Key]) -> None:
        """All differences of two exceptions that are of one sort."""
        if self._rules.strict_errors and ours.message != theirs.message:
            self.found.take(Change(write_path(trail), ChangeKind.CHANGED, _excerpt(ours), _excerpt(theirs)))
        walked = self._walked(ours, theirs, state)
        for change in walked.changes:
            self.found.take(attrs.evolve(change, path=write_path(trail) + change.path[1:]) if trail else change)
        if walked.undecided:
            self.found.stay_open(walked.undecided)
        if ours.size >= 0:
            try:
                self._tell_members(ours, theirs, state, trail)
            except Undecided as reason:
                self.found.leave_open(reason, [*trail, EXCEPTIONS])

    def _tell_members(self, ours: Raised, theirs: Raised, state: State | None, trail: list[Key]) -> None:
        ignored, below = _members_state(state)
        if ignored:
            return
        if ours.partial or theirs.partial:
            if ours.size == theirs.size:
                raise Undecided(_NOT_LOOKED_AT)
            self.found.note(_NOT_LOOKED_AT)
            self.found.take(Change(write_path([*trail, EXCEPTIONS]), ChangeKind.CHANGED, _size(ours), _size(theirs)))
            return
        partners = self._matched(ours.members, theirs.members, below)
        taken = set(partners.values())
        added = [j for j in range(len(theirs.members)) if j not in taken]
        for i, member in enumerate(ours.members):
            if i in partners:
                continue
            place = [*trail, EXCEPTIONS, i]
            other = next((j for j in added if self.of_one_sort(member, theirs.members[j])), None)
            if other is None:
                self.found.take(Change(write_path(place), ChangeKind.REMOVED, _excerpt(member), None))
            else:
                added.remove(other)
                self.tell(member, theirs.members[other], below, place)
        for j in added:
            place = [*trail, EXCEPTIONS, j]
            self.found.take(Change(write_path(place), ChangeKind.ADDED, None, _excerpt(theirs.members[j])))

    def _walked(self, ours: Raised, theirs: Raised, state: State | None) -> Found:
        """What differs in their own members."""
        walk = Walk(Questions(strict=self._rules.strict, kinds=self._rules.kinds), limit=self._rules.limit)
        if not self._plainly_same(ours, theirs):
            primary, shadow = (carrying(tree, tree.values()) for tree in self._trees(ours, theirs))
            walk.run(primary, shadow, state)
        for note in walk.found.notes:
            if note != walk.found.undecided:
                self.found.note(note)
        return walk.found

    def _plainly_same(self, ours: Raised, theirs: Raised) -> bool:
        primary, shadow = (self._numbering.of(tree, None) for tree in self._trees(ours, theirs))
        return primary == shadow

    def _trees(self, ours: Raised, theirs: Raised) -> tuple[dict[Key, Any], dict[Key, Any]]:
        if ours.kind is theirs.kind:
            return self._tree_of(ours), self._tree_of(theirs)
        return common_trees(ours, theirs)

    def _tree_of(self, raised: Raised) -> dict[Key, Any]:
        tree = self._own.get(id(raised))
        if tree is None:
            tree = self._own[id(raised)] = tree_of(raised.fields)
        return tree

    # ── whether something does ───────────────────────────────────────────────────────────────────────────────────────

    def of_one_sort(self, ours: Raised, theirs: Raised) -> bool:
        """Are they of the same type, and both groups or both none?"""
        if (ours.size < 0) != (theirs.size < 0):
            return False
        pair = id(ours.kind), id(theirs.kind)
        if pair not in self._types:
            self._types[pair] = self._rules.kinds.errors.same_type(ours.kind, theirs.kind)
        return self._types[pair]

    def _are_same(self, ours: Raised, theirs: Raised, state: State | None) -> bool | None:
        """None: nobody knows."""
        question = (self._number(ours), self._number(theirs), state)
        if question not in self._same:
            try:
                self._same[question] = self._look(ours, theirs, state)
            except Undecided as reason:
                self._unsure = self._unsure or str(reason)
                self._same[question] = None
        return self._same[question]

    def _look(self, ours: Raised, theirs: Raised, state: State | None) -> bool:
        if self._rules.strict_errors and ours.message != theirs.message:
            return False
        ignored, below = _members_state(state)
        if ignored or ours.size < 0:
            return self._have_same_members(ours, theirs, state)
        if ours.size != theirs.size:
            return False
        return all_of(
            (
                lambda: self._have_same_members(ours, theirs, state),
                lambda: self._hold_the_same(ours, theirs, below),
            )
        )

    def _hold_the_same(self, ours: Raised, theirs: Raised, below: State | None) -> bool:
        """Two groups of one size."""
        if ours.partial or theirs.partial:
            raise Undecided(_NOT_LOOKED_AT)
        return len(self._matched(ours.members, theirs.members, below, all_or_none=True)) == ours.size

    def _have_same_members(self, ours: Raised, theirs: Raised, state: State | None) -> bool:
        """Members of their own."""
        if self._is_exact(state):
            primary, shadow = (self._numbering.of(tree, state) for tree in self._trees(ours, theirs))
            return primary == shadow
        if self._plainly_same(ours, theirs):
            return True
        self._walks -= 1
        if self._walks < 0:
            raise Undecided(f"the groups hold too many exceptions that differ: {_WALKS:,} pairs of them were compared")
        walked = self._walked(ours, theirs, state)
        if walked.undecided and not walked.count:
            raise Undecided(walked.undecided)
        return not walked.count

    def _is_exact(self, state: State | None) -> bool:
        """Are values of this state the same only if they have the same number?"""
        return self._numbering.exact and (state is None or not state.inexact)

    def _matched(
        self, ours: Sequence[Raised], theirs: Sequence[Raised], state: State | None, *, all_or_none: bool = False
    ) -> dict[int, int]:
        """As many pairs of the same as there can be: the primary's index, and the shadow's."""
        places: defaultdict[int, list[int]] = defaultdict(list)
        for j in range(len(theirs) - 1, -1, -1):
            places[self._number(theirs[j])].append(j)
        masks = {number: sum(1 << j for j in listed) for number, listed in places.items()}
        by_kind: defaultdict[tuple[int, bool], dict[int, Raised]] = defaultdict(dict)
        for other in theirs:
            by_kind[id(other.kind), other.size < 0][self._number(other)] = other
        partners: dict[int, int] = {}
        for i, one in enumerate(ours):
            if places[self._number(one)] and self._number(one) not in self._part_known:
                partners[i] = places[self._number(one)].pop()
        rows: dict[int, tuple[int, int]] = {}
        strict = self._rules.strict_errors

        def row(i: int) -> tuple[int, int]:
            """All that are the same as this one, as bits, and all that may be."""
            one = ours[i]
            number = self._number(one)
            if number not in rows:
                known = number not in self._part_known
                sure = maybe = masks.get(number, 0) if known else 0
                for (kind, _), others in by_kind.items():
                    if kind == id(one.kind) and one.size < 0 and state is None and self._numbering.exact:
                        continue  # such are the same only if they have the same number
                    if not self.of_one_sort(one, next(iter(others.values()))):
                        continue
                    if self._walks < 0 and one.size < 0 and not strict and not self._is_exact(state):
                        # No more is looked at, and nothing else tells them apart.
                        maybe |= sum(masks[other] for other in others)
                    else:
                        for other, its in others.items():
                            same = self._are_same(one, its, state) if other != number or not known else False
                            sure |= masks[other] if same else 0
                            maybe |= masks[other] if same is None else 0
                rows[number] = sure, sure | maybe
            return rows[number]

        owners = {j: i for i, j in partners.items()}
        alone: list[int] = []
        for i in range(len(ours)):
            if i not in partners and not _augment(i, lambda i: row(i)[0], partners, owners):
                alone.append(i)
                if all_or_none and not self._unsure:
                    break
        if alone and self._unsure:
            may_have, may_own = dict(partners), dict(owners)
            may_be_same = all(_augment(i, lambda i: row(i)[1], may_have, may_own) for i in alone)
            if may_be_same and len(ours) == len(theirs):
                raise Undecided(self._unsure)  # but if one has no partner the groups differ, whatever the rest is
            if self._walks < 0:
                self.found.note("the exceptions of a group are too many to find all that are the same")
        return partners

    def _number(self, raised: Raised) -> int:
        """The same for exceptions that are the same whatever the rules say, as far as all of them is known."""
        number = self._numbers.get(id(raised))
        if number is None:
            content = (
                id(raised.kind),
                raised.size,
                raised.message if self._rules.strict_errors else None,
                self._numbering.of(self._tree_of(raised), None),
                tuple(sorted(map(self._number, raised.members))),
                raised.partial,
            )
            number = self._numbers[id(raised)] = self._by_content.setdefault(content, len(self._by_content))
            if raised.partial or any(self._number(member) in self._part_known for member in raised.members):
                self._part_known.add(number)
        return number


def _members_state(state: State | None) -> tuple[bool, State | None]:
    """Are the exceptions of a group ignored? And what do the rules say of one of them? It has no index."""
    below = None if state is None else state.child(EXCEPTIONS)
    if below is None:
        return False, None
    element = below.element()
    return below.ignored or (element is not None and element.ignored), element


def _augment(start: int, row: Callable[[int], int], partners: dict[int, int], owners: dict[int, int]) -> bool:
    """Find a partner for `start`, moving others to other partners where needed (an augmenting path, breadth first)."""
    came_from: dict[int, int] = {}
    seen = 0
    waiting = [start]
    for i in waiting:
        fresh = row(i) & ~seen
        seen |= fresh
        while fresh:
            j = (fresh & -fresh).bit_length() - 1
            fresh &= fresh - 1
            came_from[j] = i
            if j in owners:
                waiting.append(owners[j])
                continue
            hand_over(j, came_from, partners, owners)
            return True
    return False


def _excerpt(raised: Raised) -> Excerpt:
    text = f"{raised.name}: {raised.message}" if raised.message else raised.name
    return Excerpt(text if len(text) <= VALUE_LIMIT else text[:VALUE_LIMIT] + "…", raised.name)


def _size(raised: Raised) -> Excerpt:
    return Excerpt(f"{raised.size:,} exceptions", "tuple", raised.size)
