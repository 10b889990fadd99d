"""Which lines of two texts belong together. Linear but for a sort, whatever the texts.

Lines that both texts have exactly once are taken for the same (if they are in the same order, as many as can be: the
idea of Bram Cohen's patience diff), and so are equal lines next to such. What lies between is compared in pairs. A
longest common subsequence would find a little more, and take a time that grows with the square.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

Pairs = Iterator[tuple[int | None, int | None]]


def align(a: Sequence[str], b: Sequence[str]) -> Pairs:
    """The places where two texts differ: `(i, j)` where line i of `a` became line j of `b`, `(i, None)` where it was
    removed, `(None, j)` where one was added. In order.

    >>> list(align(["one", "two", "four"], ["zero", "one", "four!"]))
    [(None, 0), (1, 2), (2, None)]
    """
    i = j = 0
    for next_i, next_j in [*_anchors(a, b), (len(a), len(b))]:
        yield from _gap(a, b, range(i, next_i), range(j, next_j))
        i, j = next_i + 1, next_j + 1


def _gap(a: Sequence[str], b: Sequence[str], of_a: range, of_b: range) -> Pairs:
    i, i_end, j, j_end = of_a.start, of_a.stop, of_b.start, of_b.stop
    while i < i_end and j < j_end and a[i] == b[j]:
        i, j = i + 1, j + 1
    while i < i_end and j < j_end and a[i_end - 1] == b[j_end - 1]:
        i_end, j_end = i_end - 1, j_end - 1
    for both in range(min(i_end - i, j_end - j)):
        if a[i + both] != b[j + both]:
            yield i + both, j + both
    for more in range(i + (j_end - j), i_end):
        yield more, None
    for more in range(j + (i_end - i), j_end):
        yield None, more


def _anchors(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Lines that are there once in each, as `(i, j)`, rising in both: the longest such sequence."""
    times_a, times_b = Counter(a), Counter(b)
    place_b = {line: j for j, line in enumerate(b) if times_b[line] == 1}
    unique = [(i, place_b[line]) for i, line in enumerate(a) if times_a[line] == 1 and line in place_b]
    # Patience sorting: on each pile the smallest j, and for each card the one it was laid beside.
    tops: list[int] = []
    cards: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(unique):
        pile = bisect_left(tops, j)
        before.append(cards[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [j]
        cards[pile : pile + 1] = [number]
    chain: list[tuple[int, int]] = []
    number = cards[-1] if cards else -1
    while number >= 0:
        chain.append(unique[number])
        number = before[number]
    return chain[::-1]
