"""When two values without parts, which are not the same, are so by a rule: texts, numbers and times as what they say.

Each rule is one more way to be the same. What can't be read as what a rule is about is nothing to that rule.
"""

from __future__ import annotations

import datetime
import decimal
import email.utils
import math
import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from trioshadow._model.kinds import is_a

from ._rules import SameNumber, SameText, SameTime, Tolerance
from ._scalars import close, is_nan, number_form, same_scalar
from ._shapes import plain

ScalarRule: TypeAlias = Tolerance | SameText | SameNumber | SameTime


def alike(ours: Any, theirs: Any, rules: Iterable[ScalarRule]) -> bool:
    """Are they the same by one of the rules of a place?"""
    tolerances = [rule for rule in rules if type(rule) is Tolerance]
    if any(close(ours, theirs, tolerance) for tolerance in tolerances):
        return True
    ours, theirs = plain(ours), plain(theirs)
    texts = [rule for rule in rules if type(rule) is SameText]
    if texts and type(ours) is type(theirs) is str and _same_text(ours, theirs, texts):
        return True
    if any(type(rule) is SameNumber for rule in rules) and (type(ours) is str or type(theirs) is str):
        one, other = _as_number(ours), _as_number(theirs)
        if one is not None and other is not None:
            if float in (type(one), type(other)):  # 0.1 is no exact tenth, but the double that "0.1" is read as
                one, other = float(one), float(other)
            if same_scalar(one, other) or any(close(one, other, each) for each in tolerances):
                return True
    return any(_same_time(ours, theirs, rule.within) for rule in rules if type(rule) is SameTime)


def canonical(value: Any, rules: Iterable[ScalarRule]) -> object | None:
    """Something that is equal for two values which are the same by one of the rules of a place, if that can be said of
    a value by itself; None if it can't. Values for which it is not equal may be the same all the same.
    """
    value = plain(value)
    kinds = {type(rule) for rule in rules}
    number = _as_number(value) if SameNumber in kinds else None
    if number is not None:
        form = number if type(number) is int else None if _is_odd(number) else number_form(decimal.Decimal(number))
        return None if form is None else ("number", form)
    if SameTime in kinds:
        duration = _as_duration(value)
        seconds = _as_instant(value) if duration is None else duration
        return None if seconds is None else ("instant" if duration is None else "duration", seconds)
    if SameText in kinds and type(value) is str:
        return "text", _folded(value, rules)
    return None


def _is_odd(number: Any) -> bool:
    return is_nan(number) or number in (math.inf, -math.inf)


def _same_text(ours: str, theirs: str, rules: Iterable[SameText]) -> bool:
    if any(rule.pattern and all(re.fullmatch(rule.pattern, text) for text in (ours, theirs)) for rule in rules):
        return True
    return _folded(ours, rules) == _folded(theirs, rules)


def _folded(text: str, rules: Iterable[ScalarRule]) -> str:
    texts = [rule for rule in rules if type(rule) is SameText]
    if any(rule.ignore_blanks for rule in texts):
        text = " ".join(text.split())
    return text.casefold() if any(rule.ignore_case for rule in texts) else text


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#: As JSON writes them (RFC 8259 §6), but perhaps with zeros or a + before them.
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,4})?")
#: Characters of a number or a time that is written as a text.
_LONGEST = 64


def _as_number(value: Any) -> Any:
    """What a text says, or a number itself; None for anything else."""
    if type(value) is str:
        text = value.strip()
        return decimal.Decimal(text) if len(text) <= _LONGEST and _NUMBER.fullmatch(text) else None
    is_number = type(value) is not bool and any(is_a(value, kind) for kind in (int, float, decimal.Decimal))
    return value if is_number else None


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────────

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

#: From here on a number of seconds since 1970 is one of milliseconds, microseconds, nanoseconds.
_UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))

#: ISO 8601 §5.5.2, without years and months, which have no length.
_DURATION = re.compile(
    r"(?P<sign>[+-]?)P(?:(?P<weeks>[0-9]+)W)?(?:(?P<days>[0-9]+)D)?"
    r"(?:T(?:(?P<hours>[0-9]+)H)?(?:(?P<minutes>[0-9]+)M)?(?:(?P<seconds>[0-9]+(?:[.,][0-9]+)?)S)?)?"
)


def _same_time(ours: Any, theirs: Any, within: float) -> bool:
    durations = _as_duration(ours), _as_duration(theirs)
    if durations == (None, None):
        one, other = _as_instant(ours), _as_instant(theirs)
    else:  # a number beside a duration is one too
        one, other = (
            _as_number(side) if found is None else found for found, side in zip(durations, (ours, theirs), strict=True)
        )
    if one is None or other is None:
        return False
    return close(one, other, Tolerance("$", abs=within)) if within else same_scalar(one, other)


def _as_duration(value: Any) -> decimal.Decimal | None:
    """In seconds."""
    if is_a(value, datetime.timedelta):
        return decimal.Decimal(value // datetime.timedelta(microseconds=1)).scaleb(-6)
    if type(value) is not str or len(value) > _LONGEST or (parts := _DURATION.fullmatch(value.strip())) is None:
        return None
    if not any(parts.group(name) for name in _SECONDS):
        return None
    total = sum(
        (decimal.Decimal((parts.group(name) or "0").replace(",", ".")) * length for name, length in _SECONDS.items()),
        decimal.Decimal(0),
    )
    return -total if parts.group("sign") == "-" else total


_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def _as_instant(value: Any) -> decimal.Decimal | None:
    """In seconds since 1970."""
    if type(value) is str:
        value = _read_time(value)
    if is_a(value, datetime.datetime):
        if value.utcoffset() is None:
            value = value.replace(tzinfo=datetime.UTC)
        return _as_duration(value - _EPOCH)
    if is_a(value, datetime.date):
        return _as_instant(datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC))
    number = _as_number(value)
    if number is None or is_nan(number) or not -(10**21) < number < 10**21:
        return None
    exact = decimal.Decimal(number)
    return exact / next((unit for least, unit in _UNITS if abs(exact) >= least), 1)


def _read_time(text: str) -> Any:
    """A datetime, a number, or the text itself."""
    text = text.strip()
    if len(text) > _LONGEST:
        return text
    if (number := _as_number(text)) is not None and len(text) not in _COMPACT:
        return number
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return number if number is not None else text


#: Digits of a date without hyphens (`20261130`): that is no number of seconds, which would be in August 1970.
_COMPACT = (8,)
