"""Which rules have met something: a rule whose path has a typo takes nothing away, and nobody would be told.

It is looked for in answers that are not plainly the same, and only of rules that have met nothing yet: a configuration
without typos is soon done with it, and equal bytes never pay. What can't be known is not claimed: where a place is
behind a `Normalize`, in a container that makes its parts, or among too many others, the rule is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import attrs

from ._cookies import VALUE, cookies
from ._cut import Cut
from ._error_values import is_error
from ._header_plan import pattern
from ._header_rules import VOLATILE_HEADERS, HeaderAs, HeaderRule, IgnoreCookie
from ._headers import Headers
from ._paths import Key, Segment
from ._plan import segments_of
from ._rules import (
    Accept,
    Default,
    IgnoreName,
    KeyedBy,
    Normalize,
    Only,
    PlacedRule,
    SameNumber,
    SameText,
    SameTime,
    Subset,
    Tolerance,
    Unordered,
)
from ._shapes import Shape, elements, makes_its_parts, members, record_fields, shape_of

#: Places of one answer that are looked at for one rule.
_PLACES = 1_000
#: Once so many pairs of answers were looked at it is every sixteenth: to look for a misspelt `$.items[*].prize` in 900
#: items takes two thirds of what comparing 90 KB of JSON takes.
_OFTEN = 100

#: Of each rule, by name: in how many pairs of answers it was looked for, and whether it met something or can't be
#: followed.
Counts: TypeAlias = dict[str, tuple[int, bool, bool]]


@attrs.define
class _Tracked:
    rule: PlacedRule | HeaderRule
    name: str
    segments: tuple[Segment, ...] = ()
    named: re.Pattern[str] | None = None
    looks: int = 0
    met: bool = False
    unsure: bool = False

    @property
    def open(self) -> bool:
        return not (self.met or self.unsure)


class RuleUse:
    """What became of the rules of one configuration. Several threads may compare at once: counts may then be too low by
    some, and what was met stays met.
    """

    def __init__(self, rules: Iterable[object]) -> None:
        several = list(rules)
        paths = [
            (one, segments, shown)
            for one in several
            if isinstance(one, PlacedRule)
            for segments, shown in _followed(one)
        ]
        hiding = [segments for one, segments, _ in paths if isinstance(one, Normalize)]
        self._paths = [
            _Tracked(
                one,
                shown,
                segments,
                unsure=any(_may_hide(other, segments) for other in hiding if other is not segments),
            )
            for one, segments, shown in paths
        ]
        self._headers = [
            _Tracked(one, _name_of(one), named=pattern(one.name))
            for one in several
            if isinstance(one, HeaderRule) and one not in VOLATILE_HEADERS  # nobody has all of these
        ]
        self._walks = 0
        self.paths_open = self.headers_open = True
        self._close()

    def _close(self) -> None:
        self.paths_open = any(one.open for one in self._paths)
        self.headers_open = any(one.open for one in self._headers)

    def look(self, primary: object, shadow: object) -> None:
        """Two bodies, decoded, are compared place by place, and `paths_open`."""
        self._walks += 1
        if self._walks > _OFTEN and self._walks % 16:
            return
        for one in self._paths:
            if one.open:
                reached = [_reached(one.rule, one.segments, body) for body in (primary, shadow)]
                one.looks += 1
                one.met = True in reached
                one.unsure = not one.met and None in reached
        self._close()

    def look_at_headers(self, primary: Headers, shadow: Headers) -> None:
        """Two answers' headers differ, and `headers_open`."""
        both = primary + shadow
        names = {name for name, _ in both}
        sent = cookies([value for name, value in both if name.strip() == "set-cookie"])
        for one in self._headers:
            if one.open and one.named is not None:
                one.looks += 1
                if isinstance(one.rule, IgnoreCookie):
                    found = [cookie for name in filter(one.named.match, sent) for cookie in sent[name]]
                    part = one.rule.attribute
                    one.met = any(part in (None, VALUE) or part in dict(cookie.attributes) for cookie in found)
                else:
                    one.met = any(map(one.named.match, names))
        self._close()

    def counts(self) -> Counts:
        """What is known by now."""
        return {one.name: (one.looks, one.met, one.unsure) for one in (*self._paths, *self._headers)}

    def take(self) -> Counts:
        """The same, and the looks begin at zero again: for who adds them up elsewhere."""
        counts = self.counts()
        for one in (*self._paths, *self._headers):
            one.looks = 0
        return counts

    def add(self, counts: Counts) -> None:
        """What another process has taken."""
        for one in (*self._paths, *self._headers):
            looks, met, unsure = counts.get(one.name, (0, False, False))
            one.looks += looks
            one.met = one.met or met
            one.unsure = one.unsure or unsure
        self._close()


def use_of(rules: Iterable[object]) -> RuleUse | None:
    """None where no rule is one that can be looked for."""
    use = RuleUse(rules)
    return use if use.counts() else None


def added_up(parts: Iterable[Counts]) -> Counts:
    """Of several processes, or configurations."""
    total: Counts = {}
    for part in parts:
        for name, (looks, met, unsure) in part.items():
            before = total.get(name, (0, False, False))
            total[name] = before[0] + looks, before[1] or met, before[2] or unsure
    return total


def _name_of(rule: HeaderRule) -> str:
    if isinstance(rule, HeaderAs):
        return f"HeaderAs header {rule.name} as {rule.kind}"
    if isinstance(rule, IgnoreCookie):
        return f"IgnoreCookie cookie {rule.name}" + (f" {rule.attribute}" if rule.attribute else "")
    return f"IgnoreHeader header {rule.name}"


def _followed(rule: PlacedRule) -> Iterator[tuple[tuple[Segment, ...], str]]:
    """The patterns of a rule that has any, and what it is called. That a `Default` meets nothing says little: where
    nothing is left out it has nothing to do.
    """
    if isinstance(rule, Default) or (isinstance(rule, Accept) and rule.path is None):
        return
    names = rule.paths if isinstance(rule, Only) else (rule.name if isinstance(rule, IgnoreName) else rule.path,)
    for segments, name in zip(segments_of(rule), names, strict=True):
        shown = f"{type(rule).__name__} {name}"
        if isinstance(rule, KeyedBy):
            shown += f" by {rule.field if isinstance(rule.field, str) else ', '.join(rule.field)}"
        yield segments, shown


def _may_hide(other: Sequence[Segment], segments: Sequence[Segment]) -> bool:
    """May a place of these segments be at or below one of the other's?"""
    if not other:
        return True
    if not segments:
        return False
    first, next_one = other[0], segments[0]
    if next_one.descendant:
        return True
    meets = (
        first.wildcard
        or next_one.wildcard
        or bool(first.names & next_one.names)
        or bool(first.indexes & next_one.indexes)
    )
    if meets and _may_hide(other[1:], segments[1:]):
        return True
    return first.descendant and _may_hide(other, segments[1:])


class _TooManyError(Exception):
    """More places than are looked at, or none that may be looked at."""


def _reached(rule: PlacedRule | HeaderRule, segments: Sequence[Segment], body: Any) -> bool | None:
    """Does the rule say something of a place in there? None: who knows."""
    room = _PLACES
    if type(body) is str and "\n" in body:  # its lines are compared
        body = body.split("\n")
    stack: list[tuple[Any, int]] = [(body, 0)]
    try:
        while stack:
            value, done = stack.pop()
            if done == len(segments):
                if _says_something(rule, value):
                    return True
                continue
            segment = segments[done]
            for key, child in _children(value, segment, room):
                room -= 1
                if segment.selects(key):
                    stack.append((child, done + 1))
                if segment.descendant:
                    stack.append((child, done))
    except Exception:  # other people's code too
        return None
    return False


def _children(value: Any, segment: Segment, room: int) -> list[tuple[Key, Any]]:
    if type(value) is Cut:
        if not value.is_whole:
            raise _TooManyError
        value = value.seen
    shape = shape_of(value)
    if shape is Shape.TABLE or (shape is Shape.OPAQUE and is_error(value)):
        raise _TooManyError
    if shape not in (Shape.OBJECT, Shape.ARRAY, Shape.SET):
        return []
    kind: Any = type(value)
    if makes_its_parts(value) and record_fields(kind) is None:
        raise _TooManyError
    everything = segment.wildcard or segment.descendant or segment.glob is not None
    some: list[tuple[Any, Any]]
    if shape is Shape.OBJECT:
        found = members(value)
        named = (*segment.names, *segment.indexes)
        some = [*found.items()] if everything else [(name, found[name]) for name in named if name in found]
    else:
        listed = elements(value)
        some = [*enumerate(listed)] if everything else [(i, listed[i]) for i in segment.indexes if i < len(listed)]
    if len(some) > room:
        raise _TooManyError
    return some


def _says_something(rule: PlacedRule | HeaderRule, value: Any) -> bool:
    shape = shape_of(value)
    match rule:
        case KeyedBy():
            return shape is Shape.TABLE or (
                shape is Shape.ARRAY
                and any(
                    shape_of(one) is Shape.OBJECT and any(names[0] in members(one) for names in rule.keys)
                    for one in elements(value)[:_PLACES]
                )
            )
        case Unordered():
            return shape in (Shape.ARRAY, Shape.TABLE)
        case Subset():
            return shape in (Shape.OBJECT, Shape.TABLE)
        case Tolerance() | SameText() | SameNumber() | SameTime():
            return shape not in (Shape.OBJECT, Shape.ARRAY, Shape.SET)
        case _:
            return True
