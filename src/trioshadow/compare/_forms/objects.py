"""The objects of a document, made of pairs of names and values: a name may be there more than once (RFC 8259 §4)."""

from __future__ import annotations

from typing import Any

from trioshadow.compare._canonical import Numbering
from trioshadow.compare._values import Repeated
from trioshadow.compare._write import written


class Objects:
    """Makes the objects of one document, and tells which names were there more than once."""

    def __init__(self, *, strict: bool) -> None:
        """`strict`: values that differ in type only, as 1 and 1.0, are different ones."""
        # Names in the order in which they were met: those with the same value each time, and the others.
        self._alike: dict[Any, None] = {}
        self._unlike: dict[Any, None] = {}
        # One for the document: a value that holds values that were numbered takes no longer.
        self._numbering = Numbering(strict=strict)

    def make(self, pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        """A name that is there with the same value each time counts once. With others it gets `Repeated`, and so do
        names that are one to a dict alone: 1 and true.
        """
        made = dict(pairs)
        return made if len(made) == len(pairs) else self._with_repeats(pairs)

    def _with_repeats(self, pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        found: dict[Any, list[tuple[Any, Any]]] = {}
        for pair in pairs:
            found.setdefault(pair[0], []).append(pair)
        return {name: each[0][1] if len(each) == 1 else self._one_of(name, each) for name, each in found.items()}

    def _one_of(self, name: Any, pairs: list[tuple[Any, Any]]) -> Any:
        kinds = {type(same) for same, _ in pairs}
        if len(kinds) == 1 and len({self._numbering.of(value, None) for _, value in pairs}) == 1:
            self._alike[name] = None
            return pairs[0][1]
        self._unlike[name] = None
        return Repeated(value for _, value in pairs)

    def notes(self) -> tuple[str, ...]:
        """What there is to tell of them."""
        told = ((self._unlike, "with different values"), (self._alike, "with one and the same value"))
        return tuple(f"{_told(names)} more than once in an object, {how}" for names, how in told if names)


def _told(names: dict[Any, None]) -> str:
    first = f"the name {written(next(iter(names)))}"
    others = len(names) - 1
    return f"{first} and {others:,} more are there" if others else f"{first} is there"
