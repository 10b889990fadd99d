"""What parameters may be, for all constructors and functions that users call. Pure.

One contract: a wrong type is a TypeError, and a bool is no number; out of range, NaN included, is a ValueError; either
names the parameter, the value and the range. Only what is traffic, a request or an answer, is never quoted.

A range that only one class has stands beside that class, made by `number()` or `integer()`.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable
from typing import Any

import attrs


def wrong_type(parameter: str, value: object, kind: str, allowed: str = "") -> TypeError:
    """The error for a value that is not of the type that `kind` names."""
    shown = f"{value!r:.100} is not {allowed}" if allowed not in ("", kind) else f"{value!r:.100}"
    return TypeError(f"{parameter} must be {kind}, not {type(value).__name__}: {shown}")


def out_of_range(parameter: str, value: object, allowed: str) -> ValueError:
    """The error for a value that is not among the allowed ones."""
    return ValueError(f"{parameter} must be {allowed}, not {value!r:.100}")


@attrs.frozen
class Check:
    """What one parameter may be: itself a validator of attrs, and with `check()` for all other parameters."""

    kind: str
    """The type, in words: `an int`."""
    is_of_kind: Callable[[Any], object]
    allowed: str
    """All that is allowed, in words, with the range: `a count in [1, inf)`."""
    is_allowed: Callable[[Any], object]
    """Asked of values of the type."""

    def __call__(self, _: object, attribute: attrs.Attribute[Any], value: object) -> None:
        """As a validator."""
        self.check(attribute.name, value)

    def check(self, parameter: str, value: object) -> None:
        """Raise TypeError or ValueError for what it may not be."""
        if not self.is_of_kind(value):
            raise wrong_type(parameter, value, self.kind, self.allowed)
        if not self.is_allowed(value):
            raise out_of_range(parameter, value, self.allowed)

    @property
    def or_none(self) -> Check:
        """The same, or None."""
        return Check(
            self.kind,
            lambda value: value is None or self.is_of_kind(value),
            f"{self.allowed} or None",
            lambda value: value is None or self.is_allowed(value),
        )


def integer(allowed: str, fits: Callable[[int], object]) -> Check:
    """An int, and no bool."""
    return Check("an int", lambda value: isinstance(value, int) and not isinstance(value, bool), allowed, fits)


def is_number(value: object) -> bool:
    """A real number, and no bool; it may be infinite, or NaN."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def number(allowed: str, fits: Callable[[float], object]) -> Check:
    """A real number that a float can hold. `fits` must be False of NaN, as a comparison that must hold is."""

    def is_allowed(value: Any) -> object:
        try:
            return fits(float(value))
        except OverflowError:
            return False

    return Check("a number", is_number, allowed, is_allowed)


def instance_of(kind: type | tuple[type, ...], words: str) -> Check:
    """An object of a class, whatever its value."""
    return Check(words, lambda value: isinstance(value, kind), words, lambda _: True)


is_count = integer("a count in [1, inf)", lambda count: count >= 1)
is_count_or_zero = integer("a count in [0, inf)", lambda count: count >= 0)

is_fraction = number("a fraction in [0, 1]", lambda fraction: 0 <= fraction <= 1)
is_amount = number("a number in [0, inf)", lambda amount: 0 <= amount < math.inf)

is_timeout = number("seconds in (0, inf]", lambda seconds: seconds > 0)
is_patience = number("seconds in [0, inf]", lambda seconds: seconds >= 0)
is_interval = number("seconds in (0, inf)", lambda seconds: 0 < seconds < math.inf)
is_delay = number("seconds in [0, inf)", lambda seconds: 0 <= seconds < math.inf)

is_bool = instance_of(bool, "a bool")
is_text = instance_of(str, "a str")
is_name = Check("a str", lambda value: isinstance(value, str), "a str that is not empty", bool)
is_function = Check("a function", callable, "a function", lambda _: True)


def several(parameter: str, values: Any, example: str) -> tuple[Any, ...]:
    """The values as a tuple. TypeError for what holds none, and for a lone str, which would be taken for its letters.
    `example`: of what, in words.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{parameter} takes several {example}, not {values!r:.100}")
    return tuple(values)
