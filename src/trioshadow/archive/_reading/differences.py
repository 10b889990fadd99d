"""Records grouped by what differs in them: the same operation, verdict and fields are one difference, with examples.

Bounded, however long the archive is and whatever is in it: so many differences, and so many characters of examples. All
calls are counted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import attrs

from trioshadow._model.verdict import Verdict
from trioshadow._settings.context import Context
from trioshadow._settings.records import Captured, DivergenceRecord
from trioshadow.compare import Divergence, tell, visible, written
from trioshadow.evidence import failure_field, fields_of

#: Differences that are told apart, of all epochs together.
_KEPT = 20_000
#: Of a difference so many examples, ...
_EXAMPLES = 3
#: ... of an example so many places, ...
_PLACES = 30
#: ... of a message so many characters, ...
_MESSAGE = 4_000
#: ... and of all that together so many.
_CHARACTERS = 64_000_000
#: Fields that tell one difference from another.
_FIELDS = 20


@attrs.frozen
class Place:
    """One place in which two answers differ."""

    part: str
    """`status`, `headers`, `body (json): 2 changes`, `error`; or `failed`, `timed out`, `too large`, `not compared`."""
    where: str
    """In that part: `header etag`, `$.items[0].price`, `$ line 3`; empty for the part as a whole."""
    primary: str | None
    """What the primary has there, in words; None: nothing."""
    shadow: str | None
    """What the shadow has there."""


@attrs.frozen
class Instance:
    """One call with a difference."""

    at: float
    """Wall clock, seconds since the epoch."""
    key: str
    """Its sampling key as the request that it is, `GET /users/1`; empty if it has none."""
    context: Context
    primary_seconds: float | None
    shadow_seconds: float | None
    places: tuple[Place, ...]
    more: int
    """Places that there are besides."""
    request: str
    """As captured, some lines; empty if it was not."""
    answers: tuple[str, str]
    """The primary's and the shadow's, as captured."""


@attrs.frozen
class Difference:
    """Calls of one operation that differ in the same fields."""

    operation: str
    verdict: Verdict
    fields: tuple[str, ...]
    """As a scorecard names them, of the first 20 those that are not explained; where all are, all."""
    explained: bool
    """Does the scorecard explain all of it: as noise, as rare enough, as acknowledged? Or was something withheld?"""
    calls: int
    first_at: float
    last_at: float
    instances: tuple[Instance, ...]
    """Some that are not alike, at most three; none where there was no room any more."""
    withheld: tuple[str, ...] = ()
    """Names of the headers that the shadow's copies lacked, where that explains all of it."""


@attrs.define
class _Group:
    calls: int
    first_at: float
    last_at: float
    instances: list[Instance]

    def update(self, other: _Group) -> None:
        self.calls += other.calls
        self.first_at, self.last_at = min(self.first_at, other.first_at), max(self.last_at, other.last_at)
        # Where less differs besides, it is seen better what does.
        instances = sorted([*self.instances, *other.instances], key=lambda one: (len(one.places) + one.more, one.at))
        self.instances = instances[:_EXAMPLES]


class Differences:
    """Takes records, one after the other."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[tuple[str, Verdict, tuple[str, ...], tuple[str, ...]], _Group]] = {}
        self._count = 0
        self._unlisted: dict[str, int] = {}
        self._room = _CHARACTERS

    def take(self, record: DivergenceRecord) -> None:
        """The next record."""
        fields = tuple(fields_of(record.divergence, record.failure))[:_FIELDS]
        groups = self._groups.setdefault(record.epoch, {})
        key = record.operation, record.verdict, fields, record.withheld
        group = groups.get(key)
        if group is None:
            if self._count >= _KEPT:
                self._unlisted[record.epoch] = self._unlisted.get(record.epoch, 0) + 1
                return
            self._count += 1
            group = groups[key] = _Group(0, record.at, record.at, [])
        group.calls += 1
        group.first_at, group.last_at = min(group.first_at, record.at), max(group.last_at, record.at)
        if len(group.instances) < _EXAMPLES and self._room > 0:
            instance = _instance_of(record)
            if instance.places not in [other.places for other in group.instances]:
                group.instances.append(instance)
                self._room -= _size_of(instance)

    @property
    def epochs(self) -> dict[str, float]:
        """The epochs that records are of, and when the last of each was made."""
        return {epoch: max(group.last_at for group in groups.values()) for epoch, groups in self._groups.items()}

    def of(self, epoch: str, explained: Callable[[str, str], bool]) -> tuple[Difference, ...]:
        """The differences of an epoch: those that are not explained first, and of these those of most calls.

        `explained` tells of a field of an operation whether the scorecard explains that it differs. Such a field does
        not tell one difference from another: noise goes with everything.
        """
        found: dict[tuple[tuple[str, Verdict, tuple[str, ...], bool], tuple[str, ...]], _Group] = {}
        for (operation, verdict, fields, withheld), group in self._groups.get(epoch, {}).items():
            left = () if withheld else tuple(field for field in fields if not explained(operation, field))
            key = (operation, verdict, left or fields, not left), withheld
            if key in found:
                found[key].update(group)
            else:
                found[key] = _Group(group.calls, group.first_at, group.last_at, [*group.instances])
        told = [
            Difference(*key, group.calls, group.first_at, group.last_at, tuple(group.instances), withheld=withheld)
            for (key, withheld), group in found.items()
        ]
        told.sort(
            key=lambda one: (one.explained, -one.calls, one.operation, one.fields, one.verdict.value, one.withheld)
        )
        return tuple(told)

    def count(self, epoch: str) -> int:
        """All records of an epoch."""
        return sum(group.calls for group in self._groups.get(epoch, {}).values()) + self.unlisted(epoch)

    def unlisted(self, epoch: str) -> int:
        """Records of an epoch whose difference there was no room for."""
        return self._unlisted.get(epoch, 0)


class _Places:
    """What `tell()` tells, as places."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self._part = ""
        self._where: str | None = None

    def title(self, text: str) -> None:
        self.end()
        self._part = text

    def place(self, text: str) -> None:
        self.end()
        self._where = text

    def sides(self, primary: str | None, shadow: str | None, *, depth: int = 2) -> None:  # noqa: ARG002 - where it is
        self.places.append(Place(self._part, self._where or "", primary, shadow))
        self._where = None

    def end(self) -> None:
        """A place without sides is a remark."""
        if self._where is not None:
            self.sides(None, None)


def _places_of(divergence: Divergence) -> list[Place]:
    page = _Places()
    tell(divergence, page)
    page.end()
    return page.places


def _instance_of(record: DivergenceRecord) -> Instance:
    places = [] if record.divergence is None else _places_of(record.divergence)
    if (failure := record.failure) is not None:
        places.append(Place(failure_field(failure.kind), "", None, f"{failure.type_name}: {failure.message}"))
    captured = record.captured or Captured()
    return Instance(
        record.at,
        record.key_text,
        record.context,
        record.primary_seconds,
        record.shadow_seconds,
        tuple(places[:_PLACES]),
        max(0, len(places) - _PLACES),
        _message(captured.request),
        (_message(captured.primary), _message(captured.shadow)),
    )


def _message(value: Any) -> str:
    """What was captured, as lines: a message of HTTP as it is on the wire, anything else as it is written."""
    if value is None:
        return ""
    if not isinstance(value, dict) or "body" not in value:
        return _lines(value)
    headers = value.get("headers")
    told = [" ".join(str(value[name]) for name in ("method", "url", "status") if name in value)]
    told += (
        [": ".join(map(str, pair)) for pair in headers if isinstance(pair, list)] if isinstance(headers, list) else []
    )
    body = _lines(value["body"])
    cut = value.get("cut")
    if isinstance(cut, int):
        body += f"\n… ({cut:,} bytes in all)"
    return "\n".join([*map(visible, told), "", body])[:_MESSAGE].rstrip("\n")


def _lines(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return written(value)
    if not isinstance(value, str):
        return written(value)
    return "\n".join(map(visible, value[:_MESSAGE].split("\n")))


def _size_of(instance: Instance) -> int:
    texts = [instance.key, instance.request, *instance.answers, *itertools.chain(*instance.context)]
    for place in instance.places:
        texts += [place.where, place.primary or "", place.shadow or ""]
    return sum(map(len, texts))
