"""What differs in a record, place by place, and what rules say of a place whatever the values there are."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import attrs

from trioshadow import Divergence, ShadowConfig
from trioshadow.cli.common.rules import AnyRule
from trioshadow.compare import (
    BodyDiff,
    Change,
    CompareWith,
    ErrorDiff,
    Excerpt,
    HeaderChange,
    IgnoreCookie,
    IgnoreName,
    IgnorePath,
    Only,
    PathPlan,
    SameError,
    SameType,
    State,
    parse_path,
    words_of_change,
)
from trioshadow.evidence import fields_of


class Fate(enum.Enum):
    """What would become of a difference."""

    GONE = "gone"
    LEFT = "left"
    UNKNOWN = "unknown"


@attrs.frozen
class Place:
    """One thing that differs. Two are equal if the same differs in the same way."""

    part: str
    """`status`, `body`, `error`, or `header` and its name: what can be judged alone."""
    field: str
    what: object = None
    """Equal for the same difference."""
    change: Change | HeaderChange | None = attrs.field(default=None, eq=False)


def by_part(divergence: Divergence) -> dict[str, set[Place]]:
    """All that differs, by the part of the answers that it is in."""
    parts: defaultdict[str, set[Place]] = defaultdict(set)
    for place in _places_of(divergence):
        parts[place.part].add(place)
    return parts


def diff_of(divergence: Divergence, part: str) -> BodyDiff | ErrorDiff | None:
    """What there is of a part that has changes."""
    return divergence.body if part == "body" else divergence.error if part == "error" else None


def has_more(diff: BodyDiff | ErrorDiff | None) -> bool:
    """Are there changes that were not kept?"""
    return diff is not None and diff.change_count > len(diff.changes)


def _places_of(divergence: Divergence) -> Iterator[Place]:
    if divergence.status is not None:
        yield Place("status", "status", divergence.status)
    if (headers := divergence.headers) is not None:
        for change in headers.changes:
            yield Place(f"header {change.name}", f"header {change.name}", change, change)
        kept = {change.name for change in headers.changes}
        for name in {*headers.added, *headers.removed, *headers.changed} - kept:
            yield Place(f"header {name}", f"header {name}")
    for part, diff in (("body", divergence.body), ("error", divergence.error)):
        if diff is None:
            continue
        for one in diff.changes:
            alone = attrs.evolve(diff, changes=(one,), change_count=1)
            yield Place(part, _field(alone), (one.path, one.kind, words_of_change(one)), one)
        if not diff.changes:
            yield Place(part, _field(diff))


def _field(diff: BodyDiff | ErrorDiff) -> str:
    """What evidence calls it."""
    alone = Divergence(body=diff) if isinstance(diff, BodyDiff) else Divergence(error=diff)
    (field,) = fields_of(alone, None)
    return field


_IGNORING = (IgnorePath, IgnoreName, Only)


class ByPlaces:
    """What the rules say of a place, whatever the values there are."""

    def __init__(self, rules: tuple[AnyRule, ...], config: ShadowConfig) -> None:
        self._compared = config.comparison
        self._body = self._compared.bodies.root
        others: list[Any] = [one for one in rules if not isinstance(one, _IGNORING) and getattr(one, "path", None)]
        self._others = PathPlan(others).root
        self._cookies = any(isinstance(rule, IgnoreCookie) for rule in rules)
        self._any_value = any(isinstance(rule, SameType | CompareWith) for rule in rules)
        self._errors = any(isinstance(rule, SameError) for rule in rules)

    def fate(self, place: Place) -> Fate:
        """Of one place."""
        part, _, header = place.part.partition(" ")
        if part == "error":
            return self._of_error(place)
        if part == "status":
            fate = Fate.LEFT if self._compared.status else Fate.GONE
        else:
            fate = self._of_body(place) if part == "body" else self._of_header(header, place)
        return Fate.UNKNOWN if fate is Fate.LEFT and self._compared.accepts else fate

    def of_more(self, part: str) -> Fate:
        """Of places that were not kept."""
        return Fate.GONE if part == "body" and self._ignores_body else Fate.UNKNOWN

    @property
    def _ignores_body(self) -> bool:
        return not self._compared.body or (self._body is not None and self._body.ignored)

    def _of_header(self, name: str, place: Place) -> Fate:
        rules = self._compared.header_rules
        if not self._compared.headers or rules.ignores(name):
            return Fate.GONE
        if name == "set-cookie":
            cookie = place.change.cookie if isinstance(place.change, HeaderChange) else None
            if cookie is None:  # which one, was not kept
                return Fate.UNKNOWN if self._cookies else Fate.LEFT
            ignored = rules.ignored_parts(cookie)
            return Fate.GONE if None in ignored else Fate.UNKNOWN if ignored else Fate.LEFT
        return Fate.UNKNOWN if rules.reads(name) else Fate.LEFT

    def _of_body(self, place: Place) -> Fate:
        if self._ignores_body:
            return Fate.GONE
        fate = self._at(place.change)
        return Fate.UNKNOWN if fate is Fate.LEFT and self._any_value else fate

    def _of_error(self, place: Place) -> Fate:
        change = place.change
        # Paths are about the members of exceptions, not about their types and messages.
        fate = Fate.LEFT if not isinstance(change, Change) or change.path == "$" else self._at(change)
        return Fate.UNKNOWN if fate is Fate.LEFT and (self._errors or self._any_value) else fate

    def _at(self, change: Change | HeaderChange | None) -> Fate:
        """Of the place of a change; None: the whole."""
        keys = _keys(change.path) if isinstance(change, Change) else ()
        if keys is None:
            return Fate.UNKNOWN
        state, other = self._body, self._others
        reached = _reaches(other)
        for key in keys:
            if state is None or state.ignored:
                break
            state, other = state.child(key), None if other is None else other.child(key)
            reached = reached or _reaches(other)
        if state is not None and state.ignored:
            return Fate.GONE
        # Of what is told as a whole, it is not known what in it differs.
        inside = state is not None and isinstance(change, Change) and change.kind == "changed" and _is_whole(change)
        return Fate.UNKNOWN if reached or inside else Fate.LEFT


def _reaches(state: State | None) -> bool:
    """May a rule say that two values are the same here, or put other pairs of what is below beside each other?"""
    return state is not None and bool(state.loose or state.unordered or state.defaults)


def _is_whole(change: Change) -> bool:
    return any(
        type(side) is Excerpt and side.type_name not in ("str", "bytes") for side in (change.primary, change.shadow)
    )


def _keys(path: str) -> tuple[str | int | None, ...] | None:
    """The keys that a path leads through, None for an element without an index. None if it can't be followed: it was
    cut, or has a key that JSON has not.
    """
    if "…" in path:
        return None
    try:
        segments = parse_path(path)
    except ValueError:
        return None
    keys: list[list[str | int]] = [[*segment.names, *segment.indexes] for segment in segments]
    return tuple(one[0] if one else None for one in keys)
