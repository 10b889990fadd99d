"""What a scorecard's decisions are worth, by simulation, and what its evidence costs.

A candidate that is as good as the primary must hardly ever be called regressed, however often one looks; one that is
worse must be, soon. Both are simulated through the library's own formulas, with fixed seeds: every run of the same
effort prints the same shares and numbers of calls. Shares are shares of runs; numbers of calls are medians.

In all of them calls are independent, and each has a key of its own. What these rows do not tell: what happens where
that is not so (noise in bursts, noise that goes with the key); `docs/evidence.md` says what then. The short effort
makes a tenth of the runs, and its shares are as coarse.
"""

from __future__ import annotations

from lib.simulation.alarms import false_alarms, power
from lib.simulation.tallies import counting, fullest, reading
from lib.simulation.verdicts import bounds, clean, latency, without_secondary
from lib.table import Section
from lib.timing import Effort


def sections(effort: Effort) -> list[Section]:
    """Simulate, and measure."""
    return [
        Section(
            "A candidate as good as the primary: 50 fields, 20,000 calls with a secondary, looked at after every call",
            list(false_alarms(effort)),
        ),
        Section(
            "A candidate that is worse in one of 50 fields, with a secondary",
            list(power(effort)),
            [
                "Fixed size: the exact sign test at a level of 5 %/50, looked at once.",
                "Its number of calls: that with which it finds the field in half of the runs; below, in nine of ten.",
            ],
        ),
        Section("Without a secondary", list(without_secondary(effort))),
        Section("Until it is clean", list(clean(effort))),
        Section("How far the upper bounds can be trusted", list(bounds(effort))),
        Section(
            "Latency, looked at every 100 calls",
            list(latency(effort)),
            ["Lognormal, median 50 ms, sigma 0.5: a p99 of 160 ms."],
        ),
        Section(
            "What evidence costs",
            [*counting(effort), *reading(effort), *fullest(effort)],
            ["The fullest has examples of the greatest length, in letters of which JSON makes six bytes each."],
        ),
    ]
