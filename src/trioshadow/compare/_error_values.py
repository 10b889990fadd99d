"""Exceptions as values: what two of them have, and what an answer that holds some is compared by.

An exception defines no `==`, so a copy of it is equal to nothing. Those in an answer are compared as those that are
raised are: by their type and the members that are read of each, by the message too if messages count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from trioshadow._model.kinds import has_no_equality, is_a

from ._cut import carrying
from ._paths import Key
from ._raised import ErrorReader, Member, Raised, exceptions_of
from ._rules import SameError

#: What a rule calls the exceptions of a group.
EXCEPTIONS = "exceptions"


def tree_of(fields: Iterable[Member]) -> dict[Key, Any]:
    """Members of an exception as a value."""
    tree: dict[Key, Any] = {}
    inner: list[tuple[dict[Key, Any], Key]] = []
    for _, keys, value in fields:
        node = tree
        for key in keys[:-1]:
            if key not in node:
                node[key] = {}
                inner.append((node, key))
            node = node[key]
        node[keys[-1]] = value
    for node, key in reversed(inner):
        node[key] = carrying(node[key], node[key].values())
    return tree


def common_trees(ours: Raised, theirs: Raised) -> tuple[dict[Key, Any], dict[Key, Any]]:
    """The members of two exceptions of two types as values. What only one has says nothing, and what has the same role
    stands at the same place.
    """
    common: list[tuple[Member, Member]] = []
    for one in ours.fields:
        for other in theirs.fields:
            if one.keys == other.keys or (one.role and one.role == other.role):
                common.append((one, other))
                break
    return tree_of(one for one, _ in common), tree_of(Member("", one.keys, other.value) for one, other in common)


def is_error(value: object) -> bool:
    """Is it an exception that does not know itself when it is equal to another?"""
    return is_a(value, BaseException) and has_no_equality(value)


class Bag(AbstractSet[Any]):
    """The exceptions of a group. They have no order, and one may be there twice."""

    def __init__(self, values: tuple[BaseException, ...]) -> None:
        self._values = values

    def __contains__(self, value: object) -> bool:
        return any(one is value for one in self._values)

    def __iter__(self) -> Iterator[BaseException]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class ErrorValues:
    """What of a configuration is about exceptions in answers."""

    def __init__(
        self, reader: ErrorReader | None = None, same_errors: tuple[SameError, ...] = (), *, strict: bool = False
    ) -> None:
        """`strict`: messages count."""
        self._reader = ErrorReader(()) if reader is None else reader
        self._strict = strict
        self._read: dict[int, tuple[BaseException, Raised]] = {}  # kept alive, so that no id is used twice
        self.same_errors = same_errors

    def remembering(self) -> ErrorValues:
        """The same, for one comparison: each exception is read once, and kept as long as that."""
        return ErrorValues(self._reader, self.same_errors, strict=self._strict)

    def _alone(self, exc: BaseException) -> Raised:
        known = self._read.get(id(exc))
        if known is None:
            known = self._read[id(exc)] = exc, self._reader.alone(exc)
        return known[1]

    def same_type(self, primary: type[BaseException], shadow: type[BaseException]) -> bool:
        """Are exceptions of these types the same?"""
        return primary is shadow or any(
            issubclass(primary, rule.primary) and issubclass(shadow, rule.shadow) for rule in self.same_errors
        )

    def may_be_same(self, ours: Any, theirs: Any) -> bool:
        """Are both exceptions, and the same but for their members?"""
        return (
            is_error(ours)
            and is_error(theirs)
            and self.same_type(type(ours), type(theirs))
            and is_a(ours, BaseExceptionGroup) == is_a(theirs, BaseExceptionGroup)
            and self.message(ours) == self.message(theirs)
        )

    def message(self, exc: BaseException) -> str | None:
        """None if messages do not count."""
        return self._alone(exc).message if self._strict else None

    def members(self, exc: BaseException) -> dict[Key, Any]:
        """What is compared of it, as a value."""
        return _with_exceptions(tree_of(self._alone(exc).fields), exc)

    def both(self, ours: Any, theirs: Any) -> tuple[dict[Key, Any], dict[Key, Any]]:
        """The same of two."""
        if type(ours) is type(theirs):
            return self.members(ours), self.members(theirs)
        primary, shadow = common_trees(self._alone(ours), self._alone(theirs))
        return _with_exceptions(primary, ours), _with_exceptions(shadow, theirs)


def _with_exceptions(tree: dict[Key, Any], exc: BaseException) -> dict[Key, Any]:
    if is_a(exc, BaseExceptionGroup):
        tree[EXCEPTIONS] = Bag(exceptions_of(exc))
    return tree
