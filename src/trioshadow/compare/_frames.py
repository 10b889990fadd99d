"""Two containers that are being walked, and what their children are where no rule speaks of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from ._children import ByName, Child, children_by_runs, children_of_arrays, children_of_objects, paired
from ._lines import align
from ._paths import Key
from ._plan import State
from ._sameness import SameTrees

#: In place of a key: where we are, as the root, which has none.
ROOT: Any = type("_Root", (), {})()

#: That two containers are being compared, under the rules of a state.
Mark: TypeAlias = tuple[int, int, int]

#: Of a larger container the parts are looked at at once: most likely it is not the same as a whole.
SMALL = 32


class Frame:
    """Two containers that are being walked: the iterator gives the children that need a look."""

    __slots__ = ("children", "count", "key", "mark", "pair", "positional", "state")

    def __init__(
        self, key: Key, pair: tuple[Any, Any], children: Iterator[Child], state: State | None, *, positional: bool
    ) -> None:
        self.key = key
        self.pair = pair
        self.children = children
        self.state = state
        self.positional = positional
        """Do keys lead to the states of the children? Not where an index means nothing."""
        self.mark: Mark | None = None
        self.count = 0
        """Changes that had been found when it was entered."""


def builtin_frame(key: Key, ours: Any, theirs: Any, same: SameTrees | None, by_name: ByName) -> Frame:
    """Of two exact dicts or lists."""
    if type(ours) is dict:
        children = children_of_objects(ours, theirs, None, by_name)
    elif same is not None and len(ours) > SMALL:
        children = children_by_runs(ours, theirs, same)
    else:
        children = children_of_arrays(ours, theirs)
    return Frame(key, (ours, theirs), children, None, positional=True)


def frame_of_lines(ours: str, theirs: str, state: State | None) -> Frame:
    """Of two whole texts: their lines, as the elements of arrays in which some were put in or taken out."""
    a, b = ours.split("\n"), theirs.split("\n")
    return Frame(ROOT, (ours, theirs), paired(a, b, align(a, b)), state, positional=True)
