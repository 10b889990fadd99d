"""Chooses the differences that are shown. Pure.

A hundred differences are mostly a few kinds, each many times; the first three would often be one kind three times. So:
one of each kind, the most frequent first, and of each kind the shortest, which is the easiest to read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import attrs


@attrs.frozen
class Difference:
    """A call to which the two sides answered differently."""

    key: str
    primary: bytes
    shadow: bytes
    at: int
    """The first byte that differs."""

    @property
    def kind(self) -> tuple[bytes, bytes]:
        """Differences that begin with the same two bytes are probably of one kind: a good guess, and no more."""
        return self.primary[self.at : self.at + 1], self.shadow[self.at : self.at + 1]


@attrs.frozen
class Example:
    """A difference that is shown."""

    difference: Difference
    alike: int
    """How many differences there are of its kind, itself included."""


def choose_examples(differences: Iterable[Difference], count: int) -> list[Example]:
    """At most `count` examples: the shortest of each kind, most frequent kind first; then the next shortest."""
    kinds: defaultdict[tuple[bytes, bytes], list[Difference]] = defaultdict(list)
    for difference in differences:
        kinds[difference.kind].append(difference)
    by_frequency = sorted(kinds.values(), key=len, reverse=True)
    for kind in by_frequency:
        kind.sort(key=lambda difference: len(difference.primary))
    chosen = [Example(kind[0], len(kind)) for kind in by_frequency]
    chosen += [Example(difference, len(kind)) for kind in by_frequency for difference in kind[1:count]]
    return chosen[:count]
