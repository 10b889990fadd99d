"""The answers of a record, compared again: without rules, to see if that finds what the record says, and with them.

If it does not, since views, decoders or rules had a say, nothing follows from it. What it finds beyond that is what the
rules of then took away, and stays away.
"""

from __future__ import annotations

import json
from typing import Any

import attrs

from trioshadow import Divergence, DivergenceRecord, ResponseRecord, ShadowConfig
from trioshadow.archive import MASK
from trioshadow.compare import BodyDiff, Change, HeaderChange

from .by_places import Fate, Place, by_part, diff_of, has_more

#: Differences of two answers that are looked at.
CHANGES = 10_000
#: Where so many headers, or more characters of a value, were kept, there may have been more.
_HEADERS, _CHARACTERS = 100, 256

NOT_KEPT = "their answers were not kept"
IN_PART = "their answers were cut or masked"
MORE = "not all of their differences were kept"
OTHERWISE = "compared again, their answers differ in another way"
FAILED = "a rule failed, or they can't be compared"


class UnknownError(Exception):
    """It can't be told by comparing again. Its text says why."""


def compare_again(
    record: DivergenceRecord, divergence: Divergence, without: ShadowConfig, rules: ShadowConfig
) -> Again:
    """Compare them by these two configurations, of which one has no rules. Raises UnknownError."""
    kept = record.captured
    if kept is None or kept.primary is None or kept.shadow is None or divergence.error is not None:
        raise UnknownError(NOT_KEPT)
    forms = ("", "") if divergence.body is None else divergence.body.forms
    primary, shadow = (_Answer.of(*side) for side in zip((kept.primary, kept.shadow), forms, strict=True))
    has_bodies = primary.has_body and shadow.has_body
    if not has_bodies:
        primary, shadow = primary.without_body(), shadow.without_body()
    pair = primary.value, shadow.value
    try:
        found, left = (Divergence.compare(*pair, config) or Divergence() for config in (without, rules))
    except Exception as exc:  # of the functions of rules, or Undecided
        raise UnknownError(FAILED) from exc
    again = Again(divergence, found, left, has_bodies=has_bodies)
    if rules.comparison.accepts:  # whose function has a say in everything, and has seen everything
        if not (primary.is_whole and shadow.is_whole):
            raise UnknownError(IN_PART)
        again.check_all()
    return again


class Again:
    """Two answers, compared again without rules and with them, beside what was found then."""

    def __init__(self, then: Divergence, without: Divergence, after: Divergence, *, has_bodies: bool) -> None:
        self._then, self._without, self._after = then, without, after
        self._has_bodies = has_bodies
        self._places = tuple(by_part(one) for one in (then, without, after))

    def fates(self, part: str, places: set[Place]) -> list[tuple[str, Fate]]:
        """Of one part in which they differed, by field. Raises UnknownError."""
        self._check(part, places)
        _, was, stays = (found.get(part, set()) for found in self._places)
        diff = diff_of(self._then, part)
        if diff is not None and has_more(diff):
            if len(was) != diff.change_count:
                raise UnknownError(OTHERWISE)
            places = places | was
        if not places <= was:
            raise UnknownError(OTHERWISE)
        # What the rules of then had taken away is no matter; what differs since the new ones put it so, is.
        left = {place.field for place in stays - (was - places)}
        gone = {place.field for place in places} - left
        return [*((field, Fate.LEFT) for field in left), *((field, Fate.GONE) for field in gone)]

    def check_all(self) -> None:
        """Raises UnknownError unless all that was found then is found again."""
        for part, places in self._places[0].items():
            self.fates(part, places)

    def _check(self, part: str, places: set[Place]) -> None:
        if part.startswith("header "):
            values = [text for place in places for text in _values(place.change)]
            if not values or any(MASK in text or "…" in text for text in values):
                raise UnknownError(IN_PART)
        if part == "body":
            if not self._has_bodies:
                raise UnknownError(IN_PART)
            if _outline(self._then.body) != _outline(self._without.body):
                raise UnknownError(OTHERWISE)
            if has_more(self._without.body) or has_more(self._after.body):
                raise UnknownError(MORE)


def _values(change: Change | HeaderChange | None) -> tuple[str, ...]:
    return (*change.primary, *change.shadow) if isinstance(change, HeaderChange) else ()


def _outline(body: BodyDiff | None) -> tuple[object, ...]:
    """What is the same of two bodies only if nothing was cut, and both were read as they were then."""
    return () if body is None else (body.primary_len, body.shadow_len, body.forms)


@attrs.frozen
class _Answer:
    """An answer as it was compared, as far as it was kept."""

    value: Any
    has_body: bool
    is_whole: bool

    @classmethod
    def of(cls, kept: Any, form: str) -> _Answer:
        """`form`: how its body was read; empty if that is not known. Raises UnknownError."""
        if not isinstance(kept, dict):
            body = _body(kept, form)
            if body is _LACKING:
                raise UnknownError(IN_PART)
            return cls(body, has_body=True, is_whole=True)
        try:
            pairs = [(name, value) for name, value in kept["headers"]]
            body = _LACKING if "cut" in kept else _body(kept["body"], form)
            value = ResponseRecord(b"" if body is _LACKING else body, status=kept["status"], headers=pairs)
        except (KeyError, TypeError, ValueError):
            raise UnknownError(OTHERWISE) from None
        all_kept = len(pairs) < _HEADERS and all(len(text) <= _CHARACTERS and MASK not in text for _, text in pairs)
        return cls(value, has_body=body is not _LACKING, is_whole=body is not _LACKING and all_kept)

    def without_body(self) -> _Answer:
        """The same, for what can be told without it. Raises UnknownError."""
        if not isinstance(self.value, ResponseRecord):
            raise UnknownError(IN_PART)
        return attrs.evolve(self, value=attrs.evolve(self.value, body=b""))


_LACKING = object()


def _body(kept: Any, form: str) -> Any:
    """A body as it was compared: what was no bytes and no text was kept as JSON. Or `_LACKING`."""
    if not isinstance(kept, bytes | str) or (MASK in kept if isinstance(kept, str) else MASK.encode() in kept):
        return _LACKING
    if isinstance(kept, bytes) or form not in ("", "value"):
        return kept
    try:
        return json.loads(kept) if form else _LACKING
    except (ValueError, RecursionError):  # it was cut
        return _LACKING
