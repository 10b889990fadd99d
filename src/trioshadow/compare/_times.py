"""Points in time and durations as the values and texts that say them, exactly, whatever their unit: ISO 8601 with what
RFC 3339 and its users add, e-mail and HTTP, datetimes, and those of NumPy and pandas. What says none gives None.
"""

from __future__ import annotations

import datetime
import decimal
import email.utils
import math
import re
from fractions import Fraction
from typing import Any, NamedTuple

from trioshadow._model.kinds import is_a

from ._foreign import is_named, is_numpy_time, missing
from ._http_dates import http_date
from ._values import Timestamp


class Moment(NamedTuple):
    """A point in time."""

    seconds: Fraction
    """Since 1970; without a zone, as if in UTC."""
    zoned: bool


#: Characters of a text that says a time.
_LONGEST = 64
#: Digits of a number, and its exponent: of more no Fraction is made.
_HANDY = 400


def exact(number: Any) -> Fraction | None:
    """A number as it is written: a float is the shortest decimal that reads as it (0.1 is a tenth). None for NaN,
    infinity, and one of very many digits.
    """
    if type(number) is float:
        if not math.isfinite(number):
            return None
        number = decimal.Decimal(repr(number))
    if is_a(number, decimal.Decimal):
        if number.is_finite() and not number:
            return Fraction(0)
        if not number.is_finite() or abs(number.adjusted()) > _HANDY or len(number.as_tuple().digits) > _HANDY:
            return None
    return Fraction(number)


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_EPOCH = datetime.date(1970, 1, 1).toordinal()


def moment(value: Any) -> Moment | None:
    """Of a datetime, a date (its first second), a Timestamp, and those of NumPy and pandas."""
    if type(value) is Timestamp:
        return Moment(Fraction(value.since_1970(), 10**9), zoned=True)
    if missing(value):
        return None
    if is_named(type(value), "pandas.Timestamp"):  # to the nanosecond, and in any year: no datetime can say it all
        seconds = _of_numpy(value.to_datetime64(), "datetime64")
        return None if seconds is None else Moment(seconds, zoned=value.tzinfo is not None)
    if is_numpy_time(value):
        seconds = _of_numpy(value, "datetime64")
        return None if seconds is None else Moment(seconds, zoned=False)
    if is_a(value, datetime.datetime):
        whole = _at(value.toordinal(), value.hour, value.minute, value.second)
        offset = value.utcoffset()
        since = whole + Fraction(value.microsecond, 10**6)
        return Moment(since, zoned=False) if offset is None else Moment(since - _of_timedelta(offset), zoned=True)
    if is_a(value, datetime.date):
        return Moment(_at(value.toordinal()), zoned=False)
    return None


def length(value: Any) -> Fraction | None:
    """Of a timedelta and those of NumPy and pandas, in seconds."""
    if missing(value):
        return None
    if is_named(type(value), "pandas.Timedelta"):
        return _of_numpy(value.to_timedelta64(), "timedelta64")
    if is_numpy_time(value):
        return _of_numpy(value, "timedelta64")
    return _of_timedelta(value) if is_a(value, datetime.timedelta) else None


def _of_timedelta(value: datetime.timedelta) -> Fraction:
    return Fraction(value // datetime.timedelta(microseconds=1), 10**6)


def _at(ordinal: int, hour: int = 0, minute: int = 0, second: int = 0) -> Fraction:
    return Fraction((((ordinal - _EPOCH) * 24 + hour) * 60 + minute) * 60 + second)


_NUMPY = re.compile(r"(datetime64|timedelta64)\[([0-9]*)([a-zA-Z]+)\]")
#: Seconds. A year and a month have no length; a point in time that is given in them is a date, if it has one.
_UNITS: dict[str, Fraction] = {
    **{unit: Fraction(size) for unit, size in (("W", 604_800), ("D", 86_400), ("h", 3_600), ("m", 60), ("s", 1))},
    **{unit: Fraction(1, 1000**power) for power, unit in enumerate(("ms", "us", "ns", "ps", "fs", "as"), 1)},
}


def _of_numpy(value: Any, kind: str) -> Fraction | None:
    found = _NUMPY.fullmatch(value.dtype.name)
    if found is None or found[1] != kind or found[3] not in _UNITS:
        return None
    return int(value.astype("i8")) * int(found[2] or 1) * _UNITS[found[3]]


# ── texts ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#: ISO 8601 §5.2 to §5.4, either case, and what is written in its place: a blank for the T, and before the zone; the
#: zone by name, or by number and name; a zone's name in brackets (RFC 9557).
_ISO = re.compile(
    r"(?P<date>(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{4}(?:-W[0-9]{2}(?:-[0-9])?|W[0-9]{2}[0-9]?))"
    r"|(?P<year>[0-9]{4})-(?P<of_year>[0-9]{3}))"
    r"(?:[^0-9+-](?P<hour>[0-9]{2})(?::?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2}))?)?(?:[.,](?P<part>[0-9]+))?)?"
    r"(?P<zone> ?(?:Z|UTC|GMT)| ?(?P<sign>[+\u2212-])(?P<hours>[0-9]{2})"
    r"(?::?(?P<minutes>[0-9]{2})(?::?(?P<seconds>[0-9]{2}(?:[.,][0-9]+)?))?)?(?: (?:Z|UTC|GMT))?)?"
    r"(?(zone)(?:\[[^][]*\])*)",
    re.IGNORECASE | re.ASCII,
)


def moment_of_iso(text: str) -> Moment | None:
    """Of a date, or a date and a time, in the format of ISO 8601. Midnight may be 24:00, and a leap second is the first
    second of the day after it.
    """
    found = _ISO.fullmatch(text) if len(text) <= _LONGEST else None
    ordinal = None if found is None else _ordinal(found)
    if found is None or ordinal is None:
        return None
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    finest = 1 if found["second"] else 60 if found["minute"] else 3600
    part = _decimal(f".{found['part'] or 0}") * finest
    offset = _offset(found)
    is_late = hour > 24 or (hour == 24 and minute + second + part > 0)
    if offset is None or is_late or minute > 59 or second > 60:
        return None
    seconds = _at(ordinal, hour, minute, second) - offset
    if second == 60 and seconds % 86_400:
        return None
    return Moment(seconds + part, zoned=found["zone"] is not None)


def _ordinal(found: re.Match[str]) -> int | None:
    try:
        if found["day"] is not None:
            return datetime.date.fromisoformat(found["day"].upper()).toordinal()
        first = datetime.date(int(found["year"]), 1, 1)
    except ValueError:
        return None
    day = first.toordinal() + int(found["of_year"]) - 1
    return day if first.toordinal() <= day < first.toordinal() + 365 + _is_leap(first.year) else None


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _offset(found: re.Match[str]) -> Fraction | None:
    """In seconds; none that is a day or more."""
    if found["sign"] is None:
        return Fraction(0)
    hours, minutes, seconds = (_decimal(found[name] or "0") for name in ("hours", "minutes", "seconds"))
    if hours > 23 or minutes > 59 or seconds >= 60:
        return None
    size = hours * 3600 + minutes * 60 + seconds
    return size if found["sign"] == "+" else -size


def _decimal(text: str) -> Fraction:
    return Fraction(text.replace(",", "."))


def moment_of_mail(text: str) -> Moment | None:
    """Of a date as HTTP (RFC 9110 §5.6.7) or e-mail (RFC 5322 §3.3) write it; without a zone it is in UTC."""
    if len(text) > _LONGEST:
        return None
    if (seconds := http_date(text)) is not None:
        return Moment(Fraction(seconds), zoned=True)
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if found.tzinfo is None and not text[-1].isdigit():
        return None  # it ends in a zone that nobody knows, or in PM
    return moment(found)


#: ISO 8601 §5.5.2, without years and months, which have no length. A sign may be before each part (ISO 8601-2), and a
#: fraction in any.
_DURATION = re.compile(
    r"(?P<sign>[+\u2212-]?)P(?:(?P<weeks>N)W)?(?:(?P<days>N)D)?"
    r"(?:T(?:(?P<hours>N)H)?(?:(?P<minutes>N)M)?(?:(?P<seconds>N)S)?)?".replace(
        "N", r"[+\u2212-]?[0-9]+(?:[.,][0-9]+)?"
    ),
    re.IGNORECASE | re.ASCII,
)
_LENGTHS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def length_of_iso(text: str) -> Fraction | None:
    """Of a duration in the format of ISO 8601, in seconds."""
    found = _DURATION.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None or not any(found[name] for name in _LENGTHS):
        return None
    parts = (_decimal((found[name] or "0").replace("\u2212", "-")) * size for name, size in _LENGTHS.items())
    total = sum(parts, Fraction(0))
    return total if found["sign"] in ("", "+") else -total
