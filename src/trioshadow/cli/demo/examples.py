"""Chooses the differences that are shown. Pure.

A hundred differences are mostly a few kinds, each many times; the first three would often be one kind three times. So:
one of each kind, the most frequent first, and of each kind the shortest, which is the easiest to read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import attrs

from trioshadow import BodyDiff, Divergence


@attrs.frozen
class Difference:
    """A call to which the two sides answered differently."""

    key: str
    divergence: Divergence
    body: BodyDiff
    """The divergence's."""

    @property
    def kind(self) -> tuple[object, object]:
        """Differences that begin with the same two characters are probably of one kind: a good guess, and no more."""
        sides: tuple[object, object] = ("", "")
        if self.body.changes:
            sides = self.body.changes[0].primary, self.body.changes[0].shadow
        old, new = ("" if side is None else str(side) for side in sides)
        at = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), None)
        return (old[at], new[at]) if at is not None else (old[len(new) :][:1], new[len(old) :][:1])

    @property
    def size(self) -> int:
        """How long it is to read."""
        return (self.body.primary_len or 0) + self.body.change_count


@attrs.frozen
class Example:
    """A difference that is shown."""

    difference: Difference
    alike: int
    """How many differences there are of its kind, itself included."""


def choose_examples(differences: Iterable[Difference], count: int) -> list[Example]:
    """At most `count` examples: the shortest of each kind, most frequent kind first; then the next shortest."""
    kinds: defaultdict[tuple[object, object], list[Difference]] = defaultdict(list)
    for difference in differences:
        kinds[difference.kind].append(difference)
    by_frequency = sorted(kinds.values(), key=len, reverse=True)
    for kind in by_frequency:
        kind.sort(key=lambda difference: difference.size)
    chosen = [Example(kind[0], len(kind)) for kind in by_frequency]
    chosen += [Example(difference, len(kind)) for kind in by_frequency for difference in kind[1:count]]
    return chosen[:count]
