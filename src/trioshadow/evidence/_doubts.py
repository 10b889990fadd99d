"""What of a field can't be known, or speaks against it besides its rate, in words. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trioshadow._model.words import counted

from ._scores import FieldScore, FieldState, OperationScore


def doubts(operations: Sequence[OperationScore]) -> Iterator[str]:
    """Notes for a scorecard. Of what is acknowledged none."""
    unasked = []
    for operation in operations:
        for field in operation.fields:
            if field.acknowledged:
                continue
            for told in _of_field(field):
                yield f"{operation.name}: {field.field}: {told}"
            if field.unasked:
                unasked.append(f"{operation.name}: {field.field}")
    if unasked:
        yield (
            f"too few keys came again in {', '.join(unasked[:3])}{' ...' * (len(unasked) > 3)}: a new one that flaps "
            "less than the old one could hide as much as that one's noise"
        )


def _of_field(field: FieldScore) -> Iterator[str]:
    if field.unpaired and field.state not in (FieldState.CLEAN, FieldState.REGRESSED):
        yield (
            f"in {counted(field.unpaired, 'call')} of those in which it differs the secondary gave nothing to compare, "
            "so they count against the new one"
        )
    if field.unlike_alone:
        yield "it differs more often in the calls without a secondary than in the pairs, which are no fair sample then"
    if field.again is not None and field.state is FieldState.TOO_FEW:
        shadow, secondary, twice = field.again
        yield (
            f"of {counted(twice, 'key')} asked twice, in {shadow:,} only the new one differed both times, and in "
            f"{secondary:,} only the old one's copy"
        )
