"""Promise 4 from the outside: the check that must hold at every moment, and the counters to compare with."""

from __future__ import annotations

import attrs

from trioshadow import Shadower, ShadowStatistics


def assert_accounts(statistics: ShadowStatistics) -> None:
    """Promise 4, from the outside: the numbers of the parts add up to the totals."""
    s = statistics
    assert s.calls == s.mirrored + s.not_mirrored
    assert s.mirrored == s.in_flight + s.matched + s.diverged + s.ignored + s.failed + s.timed_out + s.abandoned
    assert s.not_mirrored == s.not_sampled + s.shed + s.unkeyed + s.held_back + s.paused + s.closed
    assert min(s.calls, s.in_flight, s.records_waiting) >= 0
    t = s.secondary
    assert t.calls == t.in_flight + t.matched + t.diverged + t.ignored + t.failed + t.timed_out + t.abandoned
    assert 0 <= t.calls <= s.mirrored
    assert t.in_flight >= 0


def counts(shadower: Shadower[object, object, object]) -> dict[str, int]:
    """The counters that are not zero, without the totals."""
    statistics = shadower.statistics()
    assert_accounts(statistics)
    names = (
        *("in_flight", "matched", "diverged", "ignored", "failed", "timed_out", "abandoned"),
        *("not_sampled", "shed", "unkeyed", "held_back", "paused", "closed"),
    )
    return {name: getattr(statistics, name) for name in names if getattr(statistics, name)}


def rows(shadower):
    """The counts of each operation that was called, those that are not zero; they add up to the totals."""
    found = {}
    for score in shadower.scorecard().operations:
        found[score.operation] = {"mirrored": score.mirrored, **score.not_mirrored}
        assert score.calls == sum(found[score.operation].values())
    assert sum(score.calls for score in shadower.scorecard().operations) == shadower.statistics().calls
    assert_accounts(shadower.statistics())
    return found


def held_back(shadower):
    """The causes of what was held back, those that are not zero."""
    return {cause: count for cause, count in shadower.statistics().held_back_by_cause.items() if count}


def assert_lets_go(shadower, *configs):
    """No leg holds on to the counts of the epochs of these configurations (by default of the current one): after many
    others they are not gone on with, but begin anew.
    """

    def series(config):
        shadower.reconfigure(config)
        return shadower.snapshot()["series"]

    configs = configs or (shadower.config,)
    before = [series(config) for config in configs]
    for number in range(10):
        shadower.reconfigure(attrs.evolve(configs[0], candidate=f"later {number}"))
    assert not set(before) & {series(config) for config in configs}
