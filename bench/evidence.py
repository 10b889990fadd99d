"""What a scorecard's decisions are worth, by simulation, and what its evidence costs.

A candidate that is as good as the primary must hardly ever be rejected, however often one looks, and one that is worse
than allowed hardly ever be promoted; and both must be known soon. Traffic of which the truth is known goes call by call
through the library's own evidence and scorecard, with fixed seeds: every run of the same effort prints the same shares
and numbers of calls. Shares are shares of runs; numbers of calls are medians. The short effort makes a twentieth of
the runs, and its shares are as coarse.
"""

from __future__ import annotations

from lib.simulation.tallies import counting, fullest, reading
from lib.simulation.verdicts import broken, false_promotes, false_rejects, latency, others, soon
from lib.table import Section
from lib.timing import Effort


def sections(effort: Effort) -> list[Section]:
    """Simulate, and measure."""
    return [
        Section("A candidate that is another copy of the old one, looked at 40 times", list(false_rejects(effort))),
        Section("A candidate that is worse than allowed", list(false_promotes(effort))),
        Section("How soon it is known", list(soon(effort))),
        Section("Broken now, after a million good calls", list(broken(effort))),
        Section(
            "Latency",
            list(latency(effort)),
            ["Lognormal, median 50 ms, sigma 0.5: a p99 of 160 ms."],
        ),
        Section("Diffy's and Kayenta's rules on the same rates", list(others(effort))),
        Section(
            "What evidence costs",
            [*counting(effort), *reading(effort), *fullest(effort)],
            ["The fullest has examples of the greatest length, in letters of which JSON makes six bytes each."],
        ),
    ]
