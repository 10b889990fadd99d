"""An operation as plain data, as a snapshot has it. It counts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioshadow._model.verdict import IN_FLIGHT, Verdict

from ._again import Again
from ._distinct import DistinctKeys
from ._few_keys import FewKeys
from ._field import FieldTally
from ._histogram import Histogram
from ._objective import Objective
from ._operation import HISTOGRAMS, KEYS_OF_OPERATION, LOST, MIRRORED, Operation
from ._plain import count_in, moment_in
from ._slower import QUANTILES
from ._withheld_tally import WithheldTally

_COUNTS = ("contended", "unlike", "overdue", "order", "inherited", "seen", "block", "blocks", "asked", "pairs")


def operation_data(row: Operation) -> dict[str, Any]:
    """Of an operation."""
    blocks = row.at
    return {
        "counts": {
            **{verdict.value: row.counts[verdict.slot] for verdict in Verdict},
            "in_flight": row.counts[IN_FLIGHT],
        },
        "secondary": {verdict.value: row.secondary_counts[verdict.slot] for verdict in MIRRORED},
        "lost": dict(row.lost),
        **{name: getattr(row, name) for name in _COUNTS},
        "latest": row.latest,
        "again": row.again.to_list(),
        "keys": row.keys.to_dict(),
        "few_keys": row.few_keys.to_list(),
        "pair_keys": row.pair_keys.to_dict(),
        **{name: getattr(row, name).to_dict() for name in HISTOGRAMS},
        **{
            quantile.name: row.slower[quantile.name].to_dict() if quantile.name in row.slower else None
            for quantile in QUANTILES
        },
        "withheld": row.withheld.to_list(),
        "secondary_withheld": row.secondary_withheld.to_list(),
        "anything": row.anything.to_dict(blocks),
        "fields": {name: field.to_dict(blocks) for name, field in row.fields.items()},
        "other_fields": row.other_fields.to_dict(blocks),
    }


def operation_from(data: Mapping[str, Any], objective: Objective) -> Operation:
    """What `operation_data()` gave. ValueError, TypeError, KeyError or AttributeError if it can't have."""
    operation = Operation(objective)
    counts, secondary = data["counts"], data["secondary"]
    for verdict in Verdict:
        operation.counts[verdict.slot] = count_in(counts, verdict.value)
    operation.counts[IN_FLIGHT] = count_in(counts, "in_flight")
    for verdict in MIRRORED:
        operation.secondary_counts[verdict.slot] = count_in(secondary, verdict.value)
    for cause in LOST:
        operation.lost[cause] = count_in(data["lost"], cause)
    for name in _COUNTS:
        setattr(operation, name, count_in(data, name))
    operation.latest = moment_in(data, "latest")
    operation.again = Again.from_list(data["again"])
    operation.few_keys = FewKeys.from_list(data["few_keys"])
    operation.keys = DistinctKeys.from_dict(data["keys"], KEYS_OF_OPERATION)
    operation.pair_keys = DistinctKeys.from_dict(data["pair_keys"], KEYS_OF_OPERATION)
    for name in HISTOGRAMS:
        setattr(operation, name, Histogram.from_dict(data[name]))
    for name in [quantile.name for quantile in QUANTILES]:
        if data[name] is None:
            operation.slower.pop(name, None)
        else:
            operation.slower[name].take(data[name])
    operation.withheld = WithheldTally.from_list(data["withheld"])
    if operation.compared < 0:
        raise ValueError("more calls were withheld, or overdue, than have a verdict")
    operation.secondary_withheld = WithheldTally.from_list(data["secondary_withheld"])
    operation.anything = FieldTally.from_dict(data["anything"], operation.at)
    operation.fields = {str(name): FieldTally.from_dict(field, operation.at) for name, field in data["fields"].items()}
    operation.other_fields = FieldTally.from_dict(data["other_fields"], operation.at)
    return operation
