"""Points in time as headers spell them: the three forms of RFC 9110 §5.6.7, and what cookies have (RFC 6265 §5.1.1). An
instant is in seconds since 1970 in UTC; a text that is none gives None, and never an error.
"""

from __future__ import annotations

import datetime
import re

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY, _SHORT_DAY, _MONTH = "|".join(_DAYS), "|".join(day[:3] for day in _DAYS), "|".join(_MONTHS)
_TIME = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMS = [
    re.compile(rf"(?:{_SHORT_DAY}), (?P<day>[0-9]{{2}}) (?P<month>{_MONTH}) (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(rf"(?P<weekday>{_DAY}), (?P<day>[0-9]{{2}})-(?P<month>{_MONTH})-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    re.compile(rf"(?:{_SHORT_DAY}) (?P<month>{_MONTH}) (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
]
#: No text with an instant in it is longer.
_LONGEST = 64
#: Browsers pass over an attribute of a cookie that is longer (RFC 6265bis §5.6).
_LONGEST_OF_COOKIE = 1024


def http_date(text: str) -> int | None:
    """The instant of an HTTP-date, in any of its three forms."""
    for form in _FORMS if len(text) <= _LONGEST else ():
        if found := form.fullmatch(text):
            parts = found.groupdict()
            day, month = int(parts["day"]), _MONTHS.index(parts["month"]) + 1
            year = int(parts["year"])
            if "weekday" in parts:
                year = _whole_year(year, month, day, parts["weekday"])
            return _instant((year, month, day), (int(parts["hour"]), int(parts["minute"]), int(parts["second"])))
    return None


def _whole_year(year: int, month: int, day: int, weekday: str) -> int:
    """The century of a year of two digits: RFC 9110 asks the clock, and the name of the day says it without one."""
    years = (1900 + year, 2000 + year) if year >= 70 else (2000 + year, 1900 + year)
    for one in years:
        date = _ordinal(one, month, day)
        if date is not None and _DAYS[(date - 1) % 7] == weekday:  # the first day of the year 1 is a Monday
            return one
    return years[0]


_COOKIE_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_COOKIE_DAY, _COOKIE_YEAR = re.compile(r"([0-9]{1,2})(?![0-9])"), re.compile(r"([0-9]{2,4})(?![0-9])")
_COOKIE_PARTS = re.compile(r"[0-9A-Za-z:\x80-\xff]+")


def cookie_date(text: str) -> int | None:
    """The instant of a cookie's Expires, found as browsers find it: by what its parts look like, in any order. Years
    before 1601 and leap seconds are none to them.
    """
    time = day = month = year = None
    for part in _COOKIE_PARTS.findall(text) if len(text) <= _LONGEST_OF_COOKIE else ():
        if time is None and (found := _COOKIE_TIME.match(part)):
            time = int(found[1]), int(found[2]), int(found[3])
        elif day is None and (found := _COOKIE_DAY.match(part)):
            day = int(found[1])
        elif month is None and part[:3].title() in _MONTHS:
            month = _MONTHS.index(part[:3].title()) + 1
        elif year is None and (found := _COOKIE_YEAR.match(part)):
            year = int(found[1])
    if time is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    if year < 1601 or time[2] > 59:
        return None
    return _instant((year, month, day), time)


_EPOCH = datetime.date(1970, 1, 1).toordinal()


def _ordinal(year: int, month: int, day: int) -> int | None:
    try:
        return datetime.date(year, month, day).toordinal()
    except ValueError:
        return None


def _instant(day: tuple[int, int, int], time: tuple[int, int, int]) -> int | None:
    date, (hour, minute, second) = _ordinal(*day), time
    if date is None or hour > 23 or minute > 59 or second > 60:  # 60: a leap second
        return None
    return ((date - _EPOCH) * 24 + hour) * 3600 + minute * 60 + second
