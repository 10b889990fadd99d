"""Which classes may be alike, where two values have the same members: `Ok(1)` and `Err(1)` mean something else.

A class is a part of what a record says, as the tag of a union is. But what is replaced is replaced by something of
another name: the same record is `old.models.Order` and `new.schemas.Order`, or comes from another library under another
name. So two records are of one kind if their classes have the same name, or come from different top-level packages; so
are two members of enums. A dict has no class to speak of, and may be any record; a plain value any member.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from trioshadow._model.errors import type_name

from ._error_values import ErrorValues
from ._foreign import is_named, mro_of, own_name, package_of, table_of
from ._rules import CompareWith, SameType
from ._shapes import Shape, is_named_tuple, is_record, plain, shape_of
from ._values import Repeated


@functools.lru_cache(maxsize=4096)
def same_kind(a: Any, b: Any) -> bool:
    """May two values of one shape be the same, as far as their classes say?"""
    if table_of(a) is not table_of(b) or Repeated in (a, b):  # a name that is there twice is no array
        return False
    sort = _sort_of(a)
    if sort is None or sort != _sort_of(b):
        return True
    return own_name(a) == own_name(b) or package_of(a) != package_of(b)


@functools.lru_cache(maxsize=1024)
def has_kind(cls: Any) -> bool:
    """Is it the class of a record, or of an enum?"""
    return _sort_of(cls) is not None


def _sort_of(cls: Any) -> str | None:
    if enum.Enum in mro_of(cls):
        return "enum"
    return "record" if is_record(cls) else None


def common_shape(ours: Any, theirs: Any, *, strict: bool) -> Shape | None:
    """As what two values of two shapes can be compared; None: as nothing."""
    shapes = shape_of(ours), shape_of(theirs)
    if Repeated in (type(ours), type(theirs)):
        return None
    if Shape.OPAQUE in shapes and Shape.TABLE not in shapes:
        return Shape.OPAQUE  # an object that nothing is known about may know itself to be equal
    if strict or Shape.ARRAY not in shapes or not is_named_tuple(theirs if shapes[0] is Shape.ARRAY else ours):
        return None
    return Shape.ARRAY


@attrs.frozen
class Kinds:
    """What the rules of a configuration say about classes."""

    pairs: tuple[SameType, ...] = ()
    comparers: tuple[CompareWith, ...] = ()
    errors: ErrorValues = attrs.field(factory=ErrorValues)
    """Of exceptions in answers."""

    def alike(self, primary: Any, shadow: Any) -> bool:
        """May values of these classes be the same?"""
        return (
            primary is shadow
            or same_kind(primary, shadow)
            or any(_is(primary, rule.primary) and _is(shadow, rule.shadow) for rule in self.pairs)
        )

    def functions(self, primary: Any, shadow: Any) -> list[Callable[[Any, Any], object]]:
        """Those that compare a value of the one class with one of the other. They raise if they do not say whether."""
        return [
            _decided(rule.function) for rule in self.comparers if all(_is(cls, rule.type) for cls in (primary, shadow))
        ]


def _decided(function: Callable[[Any, Any], object]) -> Callable[[Any, Any], bool]:
    def ask(primary: Any, shadow: Any) -> bool:
        answer = plain(function(primary, shadow))
        if answer is not True and answer is not False:
            raise TypeError(f"the function gave no bool, but {type_name(type(answer))}")
        return answer

    return ask


def _is(cls: Any, wanted: Any) -> bool:
    return _is_meant(cls, wanted)


@functools.lru_cache(maxsize=4096)
def _is_meant(cls: Any, wanted: Any) -> bool:
    return is_named(cls, wanted) if isinstance(wanted, str) else issubclass(cls, wanted)


def kinds_of(rules: Iterable[object], errors: ErrorValues) -> Kinds:
    """What of these rules is about classes."""
    several = tuple(rules)
    return Kinds(
        tuple(rule for rule in several if isinstance(rule, SameType)),
        tuple(rule for rule in several if isinstance(rule, CompareWith)),
        errors,
    )


#: Without any rule.
ANY = Kinds()
