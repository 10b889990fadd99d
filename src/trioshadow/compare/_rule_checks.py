"""What the parameters of rules may be, and how they are read."""

from __future__ import annotations

import re
import uuid
from typing import Any

from trioshadow._model.checks import Check

from ._paths import parse_path
from ._shapes import Shape, safe_shape


def _parsed(path: str) -> bool:
    parse_path(path)  # says where it is wrong, with the path
    return True


is_path = Check("a str such as '$.items[*].id'", lambda value: isinstance(value, str), "an RFC 9535 path", _parsed)


are_paths = Check(
    "a str such as '$.items[*].id', or several",
    lambda value: isinstance(value, tuple) and all(isinstance(path, str) for path in value),
    "at least one RFC 9535 path",
    lambda paths: paths and all(map(_parsed, paths)),
)


def as_paths(paths: Any) -> Any:
    """A lone path as several."""
    return (paths,) if isinstance(paths, str) else tupled(paths)


def tupled(field: Any) -> Any:
    """A list as a tuple, which can be hashed."""
    return tuple(field) if isinstance(field, list) else field


def names_to(field: str) -> tuple[str, ...]:
    """From an element to a part of its key."""
    if not field.startswith("@"):
        return (field,)
    segments = parse_path("$" + field[1:])
    if not segments or any(len(one.names) != 1 or one.indexes or one.wildcard or one.descendant for one in segments):
        raise ValueError(
            f"field must be the name of a member, or a path of names such as '@.product.id', not {field!r}"
        )
    return tuple(name for one in segments for name in one.names)


def _is_field(field: object) -> bool:
    if not isinstance(field, str) or not field or field.startswith(("$.", "$[")):
        return False
    return bool(names_to(field))


def _are_fields(field: str | tuple[str, ...]) -> bool:
    fields = (field,) if isinstance(field, str) else field
    return bool(fields) and all(map(_is_field, fields)) and len(set(map(names_to, fields))) == len(fields)


is_key = Check(
    "a str, or a tuple of them",
    lambda value: isinstance(value, str) or (isinstance(value, tuple) and all(isinstance(one, str) for one in value)),
    "the name of a member, such as 'id', or a path from the element, such as '@.product.id', and not from the root; of "
    "several each once",
    _are_fields,
)


def _is_plain(value: Any) -> bool:
    """Is it made of builtin containers and of scalars that are compared by what they are?"""
    waiting, seen = [value], set[int]()
    while waiting:
        one = waiting.pop()
        if type(one) in _CONTAINERS:
            if id(one) not in seen:
                seen.add(id(one))
                waiting += [*one, *one.values()] if type(one) is dict else one
        elif type(one) is not uuid.UUID and safe_shape(one) not in _SCALARS:
            return False
    return True


_CONTAINERS = (dict, list, tuple, set, frozenset)
_SCALARS = (Shape.NULL, Shape.BOOL, Shape.NUMBER, Shape.TEXT, Shape.BYTES, Shape.TIME)

is_value = Check(
    "a value of JSON, or of other scalars",
    _is_plain,
    "null, a bool, a number, a text, bytes, a time, or a list, tuple, set or dict of such",
    lambda _: True,
)
is_glob = Check(
    "a str", lambda value: isinstance(value, str), "the name of a member, perhaps with *", lambda name: name
)


def _is_regular(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


is_pattern = Check("a str", lambda value: isinstance(value, str), "a regular expression", _is_regular)
is_error_type = Check(
    "an exception class",
    lambda value: isinstance(value, type) and issubclass(value, BaseException),
    "an exception class",
    lambda _: True,
)


is_class = Check(
    "a class, or its name",
    lambda value: isinstance(value, type | str),
    "a class, or its name with the package that it is imported from, such as 'pandas.DataFrame'",
    lambda value: (
        isinstance(value, type) or (all(part.isidentifier() for part in ("." + value).split(".")[1:]) and "." in value)
    ),
)
