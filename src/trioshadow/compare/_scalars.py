"""When two values without parts are the same, and when they are close enough."""

from __future__ import annotations

import datetime
import decimal
import fractions
import functools
from typing import Any

from trioshadow._model.errors import type_name
from trioshadow._model.kinds import is_a

from ._foreign import is_numpy_time, missing
from ._rules import Tolerance
from ._shapes import Shape, plain
from ._times import exact, length, moment, moment_of_iso
from ._undecided import Undecided
from ._values import Timestamp


def same_scalar(a: Any, b: Any) -> bool:
    """Are two values of one shape the same? 1 and 1.0 are, and NaN is NaN, NaT is NaT.

    May raise what a foreign `__eq__` raises, and `Undecided` for one that says neither True nor False.
    """
    if is_numpy_time(a) and is_numpy_time(b):
        return equal(a, b) or missing(a) == missing(b) is not None
    a, b = plain(a), plain(b)
    if a is b:
        return True
    if is_nan(a) or is_nan(b):  # first: a signalling NaN does not bear `==`
        return is_nan(a) and is_nan(b)
    if type(a) is complex and type(b) is complex:
        return same_scalar(a.real, b.real) and same_scalar(a.imag, b.imag)
    ours, theirs = instant(a), instant(b)
    if ours is not None and theirs is not None:
        return ours == theirs
    if type(a) in _QUIET and type(b) in _QUIET:
        return bool(a == b)
    nothing, another = missing(a), missing(b)
    if nothing or another:
        return nothing == another
    return equal(a, b) or _never_equal(a, b)


#: Of these it is known that `==` gives a bool.
_QUIET = frozenset((str, int, float, bool, bytes, type(None), complex, decimal.Decimal, fractions.Fraction))


def equal(a: Any, b: Any) -> bool:
    """`a == b`, if that is a bool, or NumPy's; else raises `Undecided`."""
    answer = plain(a == b)
    if answer is True or answer is False:
        return answer
    said = type_name(type(answer))
    raise Undecided(f"`==` of {type_name(type(a))} gives no bool, but {said}: give a view=, or the rule CompareWith")


def _never_equal(a: Any, b: Any) -> bool:
    """Are both of one class, not even equal to themselves, as NaN is, and shown alike?"""
    return type(a) is type(b) and plain(a == a) is plain(b == b) is False and repr(a) == repr(b)  # noqa: PLR0124


def is_nan(value: Any) -> bool:
    """Is it a float or a Decimal, and no number?"""
    if is_a(value, decimal.Decimal):
        return bool(value.is_nan())
    return type(value) is float and value != value  # noqa: PLR0124


def instant(value: Any) -> datetime.timedelta | None:
    """A datetime that knows its time zone as the time since the year 1 in UTC; None for anything else.

    When clocks are set back an hour is there twice: `==` does not tell the two apart in one zone, and in another zone
    finds them equal to nothing (PEP 495).
    """
    if type(value) is not datetime.datetime or (offset := value.utcoffset()) is None:
        return None
    return value.replace(tzinfo=None, fold=0) - datetime.datetime.min - offset  # noqa: DTZ901


#: From here on ints stand for themselves no more.
BIG = 2**60


def int_form(number: int) -> int | str:
    """An int, or the digits of a large one. The hash of an int is its remainder by 2**61 - 1, so a body can be made of
    ints with one hash. That of a str is not known in advance.
    """
    return number if -BIG < number < BIG else hex(number)


def number_form(value: decimal.Decimal | fractions.Fraction) -> object:
    """What is equal for these two where they are equal, and for a number of another type that they are equal to; None
    for one that is infinite, or of many digits.

    Not the number itself: see `int_form`; the hash of a fraction is such a remainder too.
    """
    if type(value) is decimal.Decimal:
        if not value:
            return 0
        if not value.is_finite() or abs(value.adjusted()) > _FORMED or len(value.as_tuple().digits) > _FORMED:
            return None
    ratio = fractions.Fraction(value)
    if ratio.denominator == 1:
        return int_form(ratio.numerator)
    try:
        near = float(ratio)
    except OverflowError:
        near = 0.0
    return near if near == ratio else f"{ratio.numerator:x}/{ratio.denominator:x}"


#: Digits, and exponents.
_FORMED = 400


def close(a: Any, b: Any, tolerance: Tolerance) -> bool:
    """Is the difference within the tolerance? False for what has no difference."""
    of_numpy = is_numpy_time(a) and is_numpy_time(b)
    a, b = plain(a), plain(b)
    numbers = _as_numbers(a, b)
    if numbers is not None:
        x, y = numbers
        return abs(x - y) <= max(_margin(tolerance.abs), _margin(tolerance.rel) * max(abs(x), abs(y)))
    apart = _seconds_apart(a, b, of_numpy=of_numpy)
    return apart is not None and within(apart, tolerance.abs)


def within(seconds: fractions.Fraction, margin: float) -> bool:
    """Are these at most so many seconds?"""
    return abs(seconds) <= _margin(margin)


@functools.lru_cache(maxsize=256)
def _margin(amount: float) -> fractions.Fraction:
    """As it is written, or as it is, if that is more: the float 0.6 is a little less than six tenths."""
    return max(fractions.Fraction(amount), exact(amount) or fractions.Fraction(0))


def _seconds_apart(a: Any, b: Any, *, of_numpy: bool) -> fractions.Fraction | None:
    """Of two points in time, both of which know their time zone, or neither; of two durations."""
    if type(a) is str and type(b) is str:
        one, other = moment_of_iso(a), moment_of_iso(b)
    elif of_numpy or _is_day(a) is _is_day(b):
        one, other = moment(a), moment(b)
    else:
        return None
    if one is not None and other is not None:
        return one.seconds - other.seconds if one.zoned is other.zoned else None
    ours, theirs = length(a), length(b)
    return None if ours is None or theirs is None else ours - theirs


def _is_day(value: object) -> bool:
    return is_a(value, datetime.date) and not is_a(value, datetime.datetime)


def _as_numbers(a: Any, b: Any) -> tuple[fractions.Fraction, fractions.Fraction] | None:
    # Fractions: exact for all of int, float and Decimal, and without overflow.
    if type(a) is bool or type(b) is bool:
        return None
    if not is_a(a, _REAL) or not is_a(b, _REAL):
        return None
    if not all(_is_handy(value) for value in (a, b) if is_a(value, decimal.Decimal)):
        return None
    try:
        return fractions.Fraction(a), fractions.Fraction(b)
    except (ValueError, OverflowError):  # NaN, infinity
        return None


def _is_handy(value: decimal.Decimal) -> bool:
    return abs(value.adjusted()) <= _EXPONENTS and len(value.as_tuple().digits) <= _EXPONENTS


_REAL: tuple[type[Any], ...] = (int, float, decimal.Decimal, fractions.Fraction)
#: Decimal("1e999999999") as a Fraction would have a thousand million digits, and making one of many digits takes a time
#: that grows with their square.
_EXPONENTS = 10_000


_TIMES = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)  # a datetime is a date


def differ_in_type(a: object, b: object, shape: Shape) -> bool:
    """Are two values of one shape, which are not the same, of different types?"""
    if not (is_numpy_time(a) or is_numpy_time(b)):  # its days are dates, and no other type than its seconds
        a, b = plain(a), plain(b)
    if shape is Shape.TIME:
        if {type(a), type(b)} == {datetime.datetime, Timestamp}:
            return False
        return any(is_a(a, kind) != is_a(b, kind) for kind in _TIMES)
    return shape is Shape.OPAQUE and type(a) is not type(b)
