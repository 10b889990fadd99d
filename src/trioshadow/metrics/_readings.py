"""Readings: the values of each metric, of all shadowers, for an exporter. In the exporter's thread; it never raises.

Rules:

- What can't be read is left out, counted and logged: a log of the program's own may raise, and an exporter that is
  raised at loses the metrics of everybody else.
- A counter never falls. The parts of a count are read one after the other, so that another thread may read one a little
  too high; what falls is taken for a restart, and everything would be counted once more.
- Texts are cut, made printable (one surrogate would end the whole scrape) and, where the program gives them, limited.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from trioshadow._accounts.forks import Lock
from trioshadow._accounts.notices import Notices
from trioshadow._model.checks import is_count_or_zero
from trioshadow._model.errors import type_name
from trioshadow._settings.records import OPERATION_LIMIT
from trioshadow._shadower import Shadower
from trioshadow.compare import visible

from ._catalogue import OTHERS, Judged, Kind, Metric, Reading, Values
from ._scorecards import Scorecards

#: Characters of a label; operations, which may be told apart by their last one only, are cut to as many already.
CHARACTERS = OPERATION_LIMIT

#: Names that the program gives, of one metric and shadower; those that come later are counted together.
NAMES = 32

UNNAMED = "(unnamed)"


@attrs.frozen
class Sample:
    """One value."""

    labels: tuple[str, ...]
    """The shadower's name, then the metric's own."""
    value: Any
    """A number, or for a histogram `evidence.Histogram`."""


class Readings:
    """What one exporter reads.

    `operations` is how many have rows of their own. TypeError if that is no int, ValueError if it
    is negative, or two shadowers have one name.
    """

    def __init__(
        self, shadowers: Iterable[Shadower[Any, Any, Any]], scorecards: Scorecards | None, operations: int
    ) -> None:
        is_count_or_zero.check("operations", operations)
        self._operations = operations
        self._shadowers: dict[str, Shadower[Any, Any, Any]] = {}
        self._notices: dict[str, Notices] = {}
        self._scorecards = scorecards
        for shadower in shadowers:
            name = label(shadower.name or UNNAMED)
            if name in self._shadowers:
                raise ValueError(
                    f"two shadowers are named {name}: their counts could not be told apart. Give each Shadower a name="
                )
            self._shadowers[name] = shadower
            self._notices[name] = Notices(shadower.name)
        #: Held while state is changed: two scrapes may come at once.
        self._lock = Lock()
        self._highest: dict[tuple[str, tuple[str, ...]], float] = {}
        self._names: dict[tuple[str, str], set[str]] = {}
        self._errors = dict.fromkeys(self._shadowers, 0)

    def samples(self, metrics: Sequence[Metric]) -> dict[str, list[Sample]]:
        """The values of these metrics, by their names. Of one shadower they are of one moment, or there are none."""
        samples: dict[str, list[Sample]] = {metric.name: [] for metric in metrics}
        for name in self._shadowers:
            for metric, found in self._read_contained(name, metrics):
                samples[metric].extend(found)
        return samples

    def information(self) -> list[tuple[str, str, str]]:
        """Name, candidate and rules of each shadower."""
        found = []
        for name, shadower in self._shadowers.items():
            config = shadower.config
            found.append((name, label(config.candidate), config.fingerprint))
        return found

    def errors(self) -> list[Sample]:
        """How often a shadower could not be read."""
        return [Sample((name,), number) for name, number in self._errors.items()]

    def _read_contained(self, name: str, metrics: Iterable[Metric]) -> list[tuple[str, list[Sample]]]:
        try:
            return list(self._read(name, metrics))
        except Exception as exc:  # a log's own `dropped`, say
            with self._lock:
                self._errors[name] += 1
            self._notices[name].say("metrics", f"its metrics can't be read: {type_name(type(exc))}")
            return []

    def _read(self, name: str, metrics: Iterable[Metric]) -> Iterator[tuple[str, list[Sample]]]:
        shadower = self._shadowers[name]
        reading = Reading(
            shadower=shadower,
            statistics=shadower.statistics(),
            judged=self._judged(shadower),
            operations=self._operations,
        )
        for metric in metrics:
            values = [(tuple(map(label, labels)), value) for labels, value in metric.read(reading)]
            if metric.named_by_program:
                values = self._limited(name, metric, values)
            # One row a name: operations that look alike when made printable may be two.
            found = [Sample((name, *labels), value) for labels, value in dict(values).items()]
            if metric.kind is Kind.COUNTER:
                found = [self._risen(metric, sample) for sample in found]
            yield metric.name, found

    def _judged(self, shadower: Shadower[Any, Any, Any]) -> Judged | None:
        return None if self._scorecards is None else self._scorecards.latest(shadower)

    def _limited(self, name: str, metric: Metric, values: Values) -> list[tuple[tuple[str, ...], Any]]:
        """The names that came first keep their rows for good: a count that moved to another row would fall."""
        limited: dict[tuple[str, ...], Any] = {}
        with self._lock:
            names = self._names.setdefault((name, metric.name), set())
            for (who,), value in values:
                if len(names) < NAMES:
                    names.add(who)
                labels = (who if who in names else OTHERS,)
                limited[labels] = limited.get(labels, 0) + value
        return list(limited.items())

    def _risen(self, metric: Metric, sample: Sample) -> Sample:
        with self._lock:
            key = metric.name, sample.labels
            self._highest[key] = highest = max(sample.value, self._highest.get(key, 0))
        return Sample(sample.labels, highest)


def label(text: str) -> str:
    """A text as a label."""
    return visible(text[:CHARACTERS])
