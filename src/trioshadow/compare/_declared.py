"""What the class of a record declares of its fields: how they compare, and how its own library writes them.

- `attrs.field(eq=str.lower)`: values with the same key are the same. A field that is not compared (`eq=False`,
  `compare=False`) is not, whatever stands on the other side.
- A mapping beside a record is what a library writes. So there a field has the name that msgspec or pydantic writes
  (`rename=`, `alias=`), computed fields are members too, and what would not be written may be absent (`omit_defaults`,
  UNSET, `exclude=`). A mapping with names of attributes in place of these is one of attributes: `asdict()`,
  `model_dump()`. Records beside each other are compared by their attributes.

No library is imported for it. What a user's serializers make of a value is not known here.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import attrs

from trioshadow._model.immutable import ATOMS
from trioshadow._model.kinds import mro_of

from ._foreign import is_named
from ._shapes import declared_of, members_of_record, record_fields, stands_for_another


@attrs.frozen
class Declaration:
    """What a class declares, by the names of attributes."""

    keys: dict[Any, Callable[[Any], object]]
    """Values are the same if what these functions make of them is."""
    uncompared: frozenset[str]
    written: dict[str, str]
    """Under which name an attribute is written, if under another."""
    computed: tuple[str, ...]
    """These are written, and are no fields."""
    defaults: dict[str, Any]
    """With these values they are not written."""
    hidden: dict[str, Callable[[Any], object]]
    """Nor if these functions say so of their values."""
    in_doubt: frozenset[str]
    """Names that a record and what is the same need not have in common, or not with the same value."""

    def as_written(self, record: Any, beside: Collection[Any]) -> dict[Any, Any]:
        """A record as the mapping `beside` it has its members."""
        by_attribute = any(name in beside for name in self.written)
        by_attribute = by_attribute and not any(name in beside for name in self.written.values())
        names = {} if by_attribute else self.written
        found = self._members(record, names)
        for field in (*self.defaults, *self.hidden):
            name = names.get(field, field)
            if name not in beside and name in found and self._is_left_out(field, found[name]):
                del found[name]
        return found

    def by_itself(self, record: Any) -> dict[Any, Any]:
        """A record as it is written. Two of this class are the same if this is: what is hidden is there."""
        found = self._members(record, self.written)
        for field in self.defaults:
            name = self.written.get(field, field)
            if name in found and self._is_left_out(field, found[name]):
                del found[name]
        return found

    def _members(self, record: Any, names: dict[str, str]) -> dict[Any, Any]:
        cls: Any = type(record)
        return members_of_record(record, (*(record_fields(cls) or ()), *self.computed), names)

    def _is_left_out(self, field: str, value: Any) -> bool:
        if field in self.hidden:
            return bool(self.hidden[field](value))
        default = self.defaults[field]
        return value is default or (type(value) is type(default) and type(value) in _COMPARED and value == default)


#: Of these types a value may equal a default that it is not.
_COMPARED = ATOMS | {list, dict, set, tuple, frozenset}


# ── what is declared ─────────────────────────────────────────────────────────────────────────────────────────────────


@functools.lru_cache(maxsize=1024)
def declaration_of(cls: Any) -> Declaration | None:
    """None for a class that declares nothing of the kind, or is no record's."""
    if record_fields(cls) is None or dict in mro_of(cls):
        return None
    declared = declared_of(cls)
    keys: dict[Any, Callable[[Any], object]] = {}
    uncompared: set[str] = set()
    if "__attrs_attrs__" in declared:
        keys = {field.name: field.eq_key for field in attrs.fields(cls) if field.eq and field.eq_key is not None}
        uncompared = {field.name for field in attrs.fields(cls) if not field.eq}
    elif "__dataclass_fields__" in declared:
        uncompared = {field.name for field in dataclasses.fields(cls) if not field.compare}
    of_library = _of_struct(cls) if "__struct_fields__" in declared else _of_pydantic(declared)
    in_doubt = frozenset().union(keys, uncompared, *of_library, of_library[0].values())
    return Declaration(keys, frozenset(uncompared), *of_library, in_doubt) if in_doubt else None


@functools.lru_cache(maxsize=1024)
def declares_nothing(cls: Any) -> bool:
    """Is there nothing of the kind, in no record that an instance may stand for either?"""
    return declaration_of(cls) is None and not stands_for_another(cls)


#: `written`, `computed`, `defaults` and `hidden` of a `Declaration`.
_OfLibrary: TypeAlias = tuple[dict[str, str], tuple[str, ...], dict[str, Any], dict[str, Callable[[Any], object]]]


def _of_struct(cls: Any) -> _OfLibrary:
    names = cls.__struct_fields__
    written = {name: other for name, other in zip(names, cls.__struct_encode_fields__, strict=True) if name != other}
    defaults: dict[str, Any] = {}
    for name, default in zip(reversed(names), reversed(cls.__struct_defaults__), strict=False):
        if is_named(type(default), "msgspec.UnsetType"):
            defaults[name] = default
        elif cls.__struct_config__.omit_defaults:
            made_by = default.factory if is_named(type(default), "msgspec.Factory") else None
            if made_by is None or any(made_by is kind for kind in _MADE_EMPTY):
                defaults[name] = default if made_by is None else made_by()
    return written, (), defaults, {}


#: Of other factories msgspec does not know what they make.
_MADE_EMPTY = (list, dict, set, tuple, frozenset)


def _of_pydantic(declared: dict[str, Any]) -> _OfLibrary:
    fields = declared.get("__pydantic_fields__", {})
    decorators = declared.get("__pydantic_decorators__")
    computed = {} if decorators is None else {name: one.info for name, one in decorators.computed_fields.items()}
    every = {**fields, **computed}
    named = {name: getattr(info, "serialization_alias", info.alias) for name, info in every.items()}
    hidden = {name: info.exclude_if for name, info in every.items() if getattr(info, "exclude_if", None) is not None}
    hidden |= {name: _always for name, info in fields.items() if info.exclude}
    return {name: alias for name, alias in named.items() if alias not in (None, name)}, tuple(computed), {}, hidden


def _always(_: Any) -> bool:
    return True
