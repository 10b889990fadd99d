"""Validators of attributes that several rooms have: they name what is wrong, and the range. Pure.

What only one class asks for stands beside that class.
"""

from __future__ import annotations

from typing import Any

import attrs


def out_of_range(parameter: str, value: object, allowed: str) -> ValueError:
    """The error for a value that is not among the allowed ones."""
    return ValueError(f"{parameter} must be {allowed}, not {value!r}")


def is_integer(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """An int, and no bool."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{attribute.name} must be an int, not {type(value).__name__}")


def is_count(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Something that is counted, in [1, inf)."""
    is_integer(instance, attribute, value)
    if value < 1:
        raise out_of_range(attribute.name, value, "a count in [1, inf)")


def is_text(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A str."""
    if not isinstance(value, str):
        raise TypeError(f"{attribute.name} must be a str, not {type(value).__name__}")
