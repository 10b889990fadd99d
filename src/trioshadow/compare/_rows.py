"""The rows of two frames, where they have no order: each is a record, to find out which of them belong together.

How two frames then differ is found out column by column all the same, each put into the order of its rows: what is the
same so is the same, however well the rows were matched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from ._match import Pair
from ._paths import Key
from ._plan import RowState, State
from ._shapes import ELEMENT_LIMIT
from ._tables import INDEX, Parts, as_list, moves
from ._undecided import Undecided


@attrs.frozen
class Rows:
    """Of two frames."""

    primary: list[dict[Key, Any]]
    shadow: list[dict[Key, Any]]
    state: RowState
    """Of each."""
    wholes: list[Key]
    """Columns that a rule takes as a whole, and that don't say which rows belong together."""


def rows_of(a: Parts, b: Parts, pairs: Iterable[Pair], frame: State) -> Rows:
    """The rows of two frames with this state, whose members are beside each other in `pairs`. Raises Undecided where
    they have more than a million elements.
    """
    beside = [(*a.members[i], b.members[j][1]) for i, j in pairs if i is not None and j is not None]
    both = [(name, one, other) for name, one, other in beside if moves(name, one, other)]
    names = [name for name, _ in b.members]
    called = {name: "index" if name == INDEX and "index" not in names else name for name, _, _ in both}
    state = RowState(frame, {called[name]: frame.child(name) for name, _, _ in both})
    keys = {names[0] for names in frame.keyed_by or ()}
    wanted = [
        (called[name], one, other)
        for name, one, other in both
        if called[name] in keys or (below := state.child(called[name])) is None or not below.ignored
    ]
    return Rows(
        _records(a, [(name, one) for name, one, _ in wanted]),
        _records(b, [(name, other) for name, _, other in wanted]),
        state,
        [name for name in called.values() if state.takes_whole(name)],
    )


def _records(frame: Parts, columns: list[tuple[Key, Any]]) -> list[dict[Key, Any]]:
    if frame.shape[0] * len(columns) > ELEMENT_LIMIT:
        raise Undecided(f"more than {ELEMENT_LIMIT:,} elements of rows can't be matched without their order")
    names, listed = [name for name, _ in columns], [as_list(column) for _, column in columns]
    return [dict(zip(names, row, strict=True)) for _, *row in zip(range(frame.shape[0]), *listed, strict=True)]


def put_beside(pairs: dict[int, int], primary: int, shadow: int) -> tuple[list[int], list[int]]:
    """All rows of two frames with so many, in the order in which they are beside each other: these pairs, what is left
    in order, and what is over.
    """
    owned = set(pairs.values())
    rest = [i for i in range(primary) if i not in pairs]
    others = [j for j in range(shadow) if j not in owned]
    beside = sorted([*pairs.items(), *zip(rest, others, strict=False)])
    return [*(i for i, _ in beside), *rest[len(others) :]], [*(j for _, j in beside), *others[len(rest) :]]
