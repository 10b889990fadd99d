"""The rules: what of a difference does not matter, as data. Each is frozen, hashable, and checked where it is made.

A rule says what, never how: `_plan.py` compiles all rules of a configuration, once. Rules only take away: two answers
that match without a rule match with it, whatever the other rules are. For that each rule is one more way in which two
values can be the same, beside all that there are without it (`_walk.py`).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from trioshadow._model.checks import is_amount, is_bool, is_function

from ._header_rules import HeaderAs, HeaderRule, IgnoreCookie, IgnoreHeader
from ._rule_checks import (
    are_paths,
    as_paths,
    is_class,
    is_error_type,
    is_glob,
    is_key,
    is_path,
    is_pattern,
    is_value,
    names_to,
    tupled,
)


class IgnoreField(enum.Enum):
    """A whole part of the answer that is not compared."""

    STATUS = "status"
    HEADERS = "headers"
    BODY = "body"


@attrs.frozen
class IgnorePath:
    """What is at this path, and all below it, is not compared, and may be there on one side only."""

    path: str = attrs.field(validator=is_path)
    """Such as `$.meta.generated_at`, `$.items[*].id`, or `$..id`: every member named `id`, and none named
    `identity`."""


@attrs.frozen
class IgnoreName:
    """Members with this name, wherever they are, are not compared, and may be there on one side only.

    >>> IgnoreName("*_at")
    IgnoreName(name='*_at')
    """

    name: str = attrs.field(validator=is_glob)
    """`*` stands for any characters, `?` for one, `[ab]` for one of these; in the case that it is written in."""


@attrs.frozen
class Only:
    """Nothing else of the body is compared than what is at these paths and below them.

    >>> Only(("$.id", "$.items[*].price"))
    Only(paths=('$.id', '$.items[*].price'))
    """

    paths: tuple[str, ...] = attrs.field(converter=as_paths, validator=are_paths)
    """At least one; a lone one may be a str. Containers on the way are compared in so far as they lead there: a member
    or an element that only one side has differs if it holds such a place. All that is compared is in one rule: a second
    one is a ValueError."""


@attrs.frozen
class Tolerance:
    """Numbers at this path may differ a little, and so may points in time.

    For numbers the rule of PEP 485 (`math.isclose`): |a - b| <= max(abs, rel * max(|a|, |b|)). With `rel=0.01`, 99 and
    100 are close (1 <= 1.0), 98 and 100 are not.

    Points in time (datetimes, dates, and strings that are ISO 8601 dates and times on both sides) and timedeltas may
    differ by `abs` seconds.
    """

    path: str = attrs.field(validator=is_path)
    abs: float = attrs.field(default=0.0, kw_only=True, validator=is_amount)
    """In [0, inf); seconds for time."""
    rel: float = attrs.field(default=0.0, kw_only=True, validator=is_amount)
    """A fraction, in [0, inf), of the larger of the two."""

    def __attrs_post_init__(self) -> None:
        if self.abs == 0 and self.rel == 0:
            raise ValueError("Tolerance takes abs= or rel=, above 0")


@attrs.frozen
class Unordered:
    """In the array at this path order does not matter, only how often an element is there.

    Elements that are on one side only are reported in pairs, as changed, and what is over as added or removed; if there
    is one on each side, it is told what in it changed. A rule with an index (`$.users[0]`) is about the elements in
    their order: arrays that are the same so are the same.
    """

    path: str = attrs.field(validator=is_path)


@attrs.frozen
class KeyedBy:
    """The elements of the array at this path belong together by this member, or these, and not by position: it is
    `Unordered`, and elements with the same key are shown beside each other.

    One insertion is one change then, and not a change of all elements behind it. Elements without the member, and
    those whose key is there twice, are shown beside each other in their order.

    >>> KeyedBy("$.prices", ("@.product.id", "currency"))
    KeyedBy(path='$.prices', field=('@.product.id', 'currency'))
    """

    path: str = attrs.field(validator=is_path)
    field: str | tuple[str, ...] = attrs.field(validator=is_key, converter=tupled)
    """A member's name, such as `id`, or a path from the element to a member of a member: `@.product.id`; or several
    of these, which are the key together. The value may be anything, also an object."""

    @property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """Of each part of the key the names on the way to it."""
        return tuple(map(names_to, (self.field,) if isinstance(self.field, str) else self.field))


@attrs.frozen
class Subset:
    """The shadow may add members to the object at this path. Not below it: that is `$.meta..*`."""

    path: str = attrs.field(validator=is_path)


@attrs.frozen
class Default:
    """That a member at this path has this value is the same as that it is not there. An element of an array is no
    member.

    >>> Default("$..middle_name")
    Default(path='$..middle_name', value=None)
    """

    path: str = attrs.field(validator=is_path)
    value: Any = attrs.field(default=None, eq=repr, validator=is_value)
    """None is null. Of builtins, such as `0`, `""` or `[]`, and of plain scalars such as a date or a Decimal; it must
    not be changed."""


@attrs.frozen
class SameText:
    """Texts at this path may be written differently."""

    path: str = attrs.field(validator=is_path)
    ignore_case: bool = attrs.field(default=False, kw_only=True, validator=is_bool)
    """By Unicode's case folding: `Straße` is `STRASSE`."""
    ignore_blanks: bool = attrs.field(default=False, kw_only=True, validator=is_bool)
    """Blanks at both ends do not count, and any number of blanks, tabs and line ends inside counts as one blank."""
    pattern: str | None = attrs.field(default=None, kw_only=True, validator=is_pattern.or_none)
    """A regular expression: two texts are the same if the whole of each matches it, such as `[0-9a-f-]{36}` for what
    is made anew each time. It is matched against what comes from traffic: none that backtracks without end."""

    def __attrs_post_init__(self) -> None:
        if not (self.ignore_case or self.ignore_blanks or self.pattern):
            raise ValueError("SameText takes ignore_case=True, ignore_blanks=True or pattern=")


@attrs.frozen
class SameNumber:
    """A number at this path may be written as a text, of at most 1,000 characters: `"1"`, `"1.0"` and 1 are the same. A
    float is the shortest decimal that is read as it, and the same as any text that is: 0.1 and `"0.10"`. `Tolerance`
    holds for them.
    """

    path: str = attrs.field(validator=is_path)


@attrs.frozen
class SameTime:
    """Points in time at this path may be written differently, and so may durations.

    A point in time is a datetime or a date, a text in the format of ISO 8601 (RFC 3339) or of HTTP (RFC 9110 §5.6.7),
    or a number, perhaps as text: seconds since 1970, from 1e11 on milliseconds, from 1e14 microseconds, from 1e17
    nanoseconds. One without a zone is in UTC. A duration is a timedelta, a text such as `PT1H30M` (ISO 8601, without
    years and months), or, beside such a one, a number of seconds.

    All are exact, however fine. A float is the shortest decimal that is read as it, and the same as any time that is. A
    leap second is the first second of the next day. Texts have at most 64 characters.
    """

    path: str = attrs.field(validator=is_path)
    within: float = attrs.field(default=0.0, kw_only=True, validator=is_amount)
    """Seconds that the two may be apart, in [0, inf)."""


@attrs.frozen
class Normalize:
    """Both values at this path may be passed through a function before they are compared: they are the same if they
    are so before or after it. Of several functions at one place, at most five, each selection is tried, in their order.

    A function that raises changes nothing: the values are compared without it, and `BodyDiff.notes` says so.
    """

    path: str = attrs.field(validator=is_path)
    function: Callable[[Any], Any] = attrs.field(validator=is_function)
    """From a value to what is compared, such as `str.casefold`; it must not change the value."""


@attrs.frozen
class Accept:
    """Answers for which the function says True are no divergence: for what no other rule can say. It is asked about
    what differs, and about containers, of which that is not known yet. Where one side has nothing, that is None.

    What the function raises is a failure of the comparison (`FailureKind.COMPARE_RAISED`); with a `path` the
    difference is reported, and `BodyDiff.notes` says so.
    """

    predicate: Callable[[Any, Any], object] = attrs.field(validator=is_function)
    """Takes the primary's and the shadow's answer, after their views; with a `path`, the two values there."""
    path: str | None = attrs.field(default=None, validator=is_path.or_none)
    """None: the function is asked once, about the whole answers."""


@attrs.frozen
class SameError:
    """An exception of the one type from the primary and of the other from the shadow are the same: for libraries that
    name theirs differently. Subclasses count, and so do members of groups.
    """

    primary: type[BaseException] = attrs.field(validator=is_error_type)
    shadow: type[BaseException] = attrs.field(validator=is_error_type)


#: A class, or its name: `pandas.DataFrame`. What is named need not be installed.
Class: TypeAlias = type[Any] | str


@attrs.frozen
class SameType:
    """Records, or members of enums, of the one class from the primary and of the other from the shadow may be the same:
    for what one package has under two names. Subclasses count. Their members are compared all the same.
    """

    primary: Class = attrs.field(validator=is_class)
    """A class, or its name with the package that it is imported from, such as `"shop.models.Order"`."""
    shadow: Class = attrs.field(validator=is_class)


@attrs.frozen
class CompareWith:
    """Two values of this class are the same if a function says so, wherever they are. Subclasses count.

    Otherwise they are compared as without the rule. A function that raises, or says neither True nor False, says
    nothing, and `BodyDiff.notes` says so.
    """

    type: Class = attrs.field(validator=is_class)
    """A class, or its name with the package that it is imported from, such as `"shapely.Polygon"`: nothing is
    imported."""
    function: Callable[[Any, Any], object] = attrs.field(validator=is_function)
    """Takes the primary's and the shadow's value; must not change them."""


PathRule: TypeAlias = (
    IgnorePath
    | Tolerance
    | SameText
    | SameNumber
    | SameTime
    | Default
    | Unordered
    | KeyedBy
    | Subset
    | Normalize
    | Accept
)
PlacedRule: TypeAlias = PathRule | IgnoreName | Only
ClassRule: TypeAlias = SameType | CompareWith
Rule: TypeAlias = HeaderRule | PlacedRule | SameError | ClassRule
RULES = (
    *(IgnoreHeader, HeaderAs, IgnoreCookie),
    *(IgnorePath, IgnoreName, Only, Tolerance, SameText, SameNumber, SameTime, Default),
    *(Unordered, KeyedBy, Subset, Normalize, Accept, SameError, SameType, CompareWith),
)
for _rule in RULES:  # the types of the fields, no longer as texts: a command line is read by them
    attrs.resolve_types(_rule)  # here, where the names in them are known
