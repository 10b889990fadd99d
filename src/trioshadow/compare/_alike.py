"""When two values without parts, which are not the same, are so by a rule: texts, numbers and times as what they say.

Each rule is one more way to be the same. What can't be read as what a rule is about is nothing to that rule.
"""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, TypeAlias

from trioshadow._model.kinds import is_a

from ._foreign import is_named
from ._rules import SameNumber, SameText, SameTime, Tolerance
from ._scalars import close, is_nan, number_form, same_scalar, within
from ._shapes import plain
from ._times import exact, length, length_of_iso, moment, moment_of_iso, moment_of_mail
from ._undecided import Undecided

ScalarRule: TypeAlias = Tolerance | SameText | SameNumber | SameTime


def alike(ours: Any, theirs: Any, rules: Iterable[ScalarRule]) -> bool:
    """Are they the same by one of the rules of a place? Raises Undecided if none says so, and one can't tell."""
    tolerances = [rule for rule in rules if type(rule) is Tolerance]
    unsure: Undecided | None = None
    for tolerance in tolerances:
        try:
            if close(ours, theirs, tolerance):
                return True
        except Undecided as reason:
            unsure = reason
    if any(type(rule) is SameNumber for rule in rules) and _same_number(ours, theirs, tolerances):
        return True
    if unsure is not None and not same_scalar(plain(ours), plain(theirs)):  # no other rule is about such numbers
        raise unsure
    ours, theirs = plain(ours), plain(theirs)
    texts = [rule for rule in rules if type(rule) is SameText]
    if texts and type(ours) is type(theirs) is str and _same_text(ours, theirs, texts):
        return True
    return any(_same_time(ours, theirs, rule.within) for rule in rules if type(rule) is SameTime)


def canonical(value: Any, rules: Iterable[ScalarRule]) -> object | None:
    """Something that is equal for two values which are the same by one of the rules of a place, if that can be said of
    a value by itself; None if it can't. Values for which it is not equal may be the same all the same.
    """
    kinds = {type(rule) for rule in rules}
    number = _as_written(value) if SameNumber in kinds else None
    if number is not None:
        return _form("number", number)
    value = plain(value)
    if SameTime in kinds:
        duration = _as_duration(value)
        if duration is not None:
            return _form("duration", duration)
        instant = _as_instant(value)
        if instant is not None:
            return _form("instant", instant)
    if SameText in kinds and type(value) is str:
        return "text", _folded(value, rules)
    return None


def _form(what: str, number: Fraction) -> object | None:
    form = number_form(number)
    return None if form is None else (what, form)


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

#: As JSON writes them (RFC 8259 §6), but perhaps with zeros or a + before them, or no digit on one side of the point.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?0*[0-9]{1,4})?")
#: Characters of a number that is written as a text.
_LONGEST = 1_000


def _as_number(value: Any) -> Any:
    """What a text says, or a number itself; None for anything else."""
    if type(value) is str:
        text = value.strip() if len(value) <= _LONGEST else ""
        return decimal.Decimal(text) if _NUMBER.fullmatch(text) else None
    is_number = type(value) is not bool and any(is_a(value, kind) for kind in (int, float, decimal.Decimal, Fraction))
    return value if is_number else None


def _as_written(value: Any) -> Fraction | None:
    """The number that a text says, or that is the shortest to be read as a float of this width."""
    if is_named(type(value), "numpy.floating") and not is_a(value, float):
        return exact(decimal.Decimal(str(value)))
    number = _as_number(plain(value))
    return None if number is None else exact(number)


def _same_number(ours: Any, theirs: Any, tolerances: Iterable[Tolerance]) -> bool:
    if _as_written(ours) == _as_written(theirs) is not None:
        return True
    ours, theirs = plain(ours), plain(theirs)
    one, other = _as_number(ours), _as_number(theirs)
    if one is None or other is None or _is_odd(one) or _is_odd(other):  # no text says that it is infinite
        return False
    if str not in (type(ours), type(theirs)):
        return False
    if float in (type(one), type(other)):  # 0.1 is no exact tenth, but the double that "0.1" is read as
        one, other = float(one), float(other)
    return same_scalar(one, other) or any(close(one, other, each) for each in tolerances)


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#: From here on a number of seconds since 1970 is one of milliseconds, microseconds, nanoseconds.
_UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))
_LATEST = 10**21


def _same_time(ours: Any, theirs: Any, margin: float) -> bool:
    durations = _as_duration(ours), _as_duration(theirs)
    are_instants = durations == (None, None)
    if are_instants:
        one, other = _as_instant(ours), _as_instant(theirs)
    else:  # a number beside a duration is one too
        one, other = (
            _as_seconds(side) if found is None else found for found, side in zip(durations, (ours, theirs), strict=True)
        )
    if one is None or other is None:
        return False
    return (
        within(one - other, margin)
        or _is_read_as(ours, other, are_instants=are_instants)
        or _is_read_as(theirs, one, are_instants=are_instants)
    )


def _is_read_as(number: Any, seconds: Fraction, *, are_instants: bool) -> bool:
    """Is it the float next to these seconds, in its own unit? Between two floats of today are 200 ns."""
    if type(number) is not float:
        return False
    return float(seconds * _unit_of(number) if are_instants else seconds) == number


def _unit_of(number: Any) -> int:
    return next((unit for least, unit in _UNITS if abs(number) >= least), 1)


def _as_duration(value: Any) -> Fraction | None:
    """In seconds."""
    return length_of_iso(value.strip()) if type(value) is str else length(value)


def _as_seconds(value: Any) -> Fraction | None:
    """A number."""
    number = _as_number(value)
    return None if number is None or not _is_near(number) else exact(number)


def _is_near(number: Any) -> bool:
    return not is_nan(number) and -_LATEST < number < _LATEST


def _as_instant(value: Any) -> Fraction | None:
    """In seconds since 1970."""
    if type(value) is str:
        return _instant_of_text(value.strip())
    found = moment(value)
    return _instant_of_number(value) if found is None else found.seconds


def _instant_of_text(text: str) -> Fraction | None:
    number = _instant_of_number(text)
    if number is not None and len(text) not in _COMPACT:
        return number
    found = moment_of_iso(text)
    if found is None and number is None:
        found = moment_of_mail(text)
    return number if found is None else found.seconds


#: Digits of a date without hyphens (`20261130`): that is no number of seconds, which would be in August 1970.
_COMPACT = (8,)


def _instant_of_number(value: Any) -> Fraction | None:
    seconds = _as_seconds(value)
    return None if seconds is None else seconds / _unit_of(seconds)
