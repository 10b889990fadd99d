"""Numbers and times of a report as people read them. Pure."""

from __future__ import annotations

import datetime

from trioshadow.evidence import Decision, FieldScore, FieldState, Objective, OperationScore

MEANS = {
    Decision.PROMOTE: "It meets what was asked, as far as it is covered.",
    Decision.HOLD: "Not yet: it can be neither promoted nor rejected.",
    Decision.REJECT: "It does not meet what was asked.",
}


def seconds(value: float | None) -> str:
    """`850 µs`, `12 ms`, `1.5 s`; a dash for None."""
    if value is None:
        return "-"
    for unit, size in (("µs", 1e-6), ("ms", 1e-3)):
        if value < 999.5 * size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} s" if value < 999.5 else f"{value:,.0f} s"


def share(part: float) -> str:
    """A fraction as a percentage that tells something from nothing, and nearly all from all."""
    if 0 < part < 0.00005:
        return "<0.01 %"
    if 0.99995 <= part < 1:
        return ">99.99 %"
    return f"{part * 100:.4g} %" if part in (0, 1) else f"{part * 100:.2f} %"


def moment(at: float | None) -> str:
    """`2026-11-25 18:03:12 UTC`; what no calendar has is told as a number."""
    if at is None:
        return "-"
    try:
        return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{at:g} s since 1970"


def clock(at: float, span: float) -> str:
    """A moment on an axis that is so many seconds long, UTC: `18:03`, `11-25 18:03`, `2026-11-25`."""
    shape = "%H:%M:%S" if span < 600 else "%H:%M" if span < 86_400 else "%m-%d %H:%M" if span < 864_000 else "%Y-%m-%d"
    try:
        return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime(shape)
    except (OverflowError, ValueError, OSError):
        return f"{at:g} s"


def period(first: float | None, last: float | None) -> str:
    """From when to when."""
    if first is None or last is None:
        return "at no time"
    if moment(first) == moment(last):
        return moment(first)
    return f"{moment(first)} to {moment(last)}"


def asked(objective: Objective) -> str:
    """What was asked of the candidate."""
    told = [f"no field differs beyond noise in more than {share(objective.max_rate)} of the keys"]
    if objective.max_p99_ratio is not None:
        told.append(
            f"no p99 is more than {objective.max_p99_ratio:g} times the primary's, unless it is "
            f"{seconds(objective.fast_enough)} or less"
        )
    told.append(f"and operations with {share(objective.min_coverage)} of the calls were found so")
    return ", ".join(told) + f"; each at an error level of {share(objective.error_level)}"


def keys_of(score: OperationScore | FieldScore) -> str:
    """How many keys, with a `~` where that is an estimate, give or take 3 % (of a field 6 %)."""
    estimated = score.keys - score.keyless >= 1_024 if isinstance(score, OperationScore) else score.keys >= 256
    return f"{'~' if estimated else ''}{score.keys:,.0f}"


def state_of(score: OperationScore | FieldScore) -> str:
    """The state as a word: `slower` where only the latency is to blame, `p99 unknown` where that alone is missing,
    `withheld` where most calls lacked credentials, `acknowledged` where it decides nothing.
    """
    if isinstance(score, FieldScore):
        return "acknowledged" if score.acknowledged else score.state.value.replace("_", " ")
    if score.latency.state is FieldState.REGRESSED and score.state is not FieldState.REGRESSED:
        return "slower"
    if score.withheld > score.compared and score.state is FieldState.TOO_FEW:
        return "withheld"
    if score.state is FieldState.CLEAN and not score.covered:
        return "p99 unknown"
    return score.state.value.replace("_", " ")


def kind_of(score: OperationScore | FieldScore) -> str:
    """The same as a kind, of which the page has one colour each."""
    if isinstance(score, FieldScore):
        return "acknowledged" if score.acknowledged else score.state.value
    if score.latency.state is FieldState.REGRESSED:
        return FieldState.REGRESSED.value
    if score.state is FieldState.CLEAN and not score.covered:
        return FieldState.TOO_FEW.value
    return score.state.value
