"""The ledger, in which calls are counted, from any thread. Pure. Through a shadower: test_accounts_by_operation.py."""

from __future__ import annotations

import itertools
import threading

from hypothesis import given
from hypothesis import strategies as st

from trioshadow import Verdict
from trioshadow._accounts.ledger import EPOCHS, Ledger
from trioshadow.evidence import Epoch

from tests.support.accounts import assert_accounts


def test_two_threads_lose_no_count():
    ledger = Ledger(Epoch(), lambda: "series", lambda: 0.0)

    def count():
        for number in range(20_000):
            ledger.count(ledger.evidence, "ab"[number % 2], Verdict.CLOSED.slot)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statistics = ledger.statistics({})
    assert statistics.closed == 80_000
    assert ledger.evidence.operation("a").calls == ledger.evidence.operation("b").calls == 40_000
    assert_accounts(statistics)


def test_verdicts_know_whether_there_was_a_leg():
    mirrored = {verdict.name for verdict in Verdict if verdict.mirrored}
    assert mirrored == {"MATCHED", "DIVERGED", "IGNORED", "FAILED", "TIMED_OUT", "ABANDONED"}


def ledger_of(name=""):
    numbers = itertools.count()
    return Ledger(Epoch(name), lambda: f"series {next(numbers)}", lambda: 0.0)


def begins(ledger):
    """A leg; the row that it is in."""
    _, row = ledger.admit(1000, 1 << 30, ledger.evidence, "a")
    return row


def ends(ledger, verdict, row):
    ledger.settle_leg(verdict, row)
    row.held -= 1


def test_a_new_series_of_the_same_epoch_begins_with_nothing_and_the_old_one_is_kept():
    ledger = ledger_of()
    row = begins(ledger)
    old = ledger.evidence
    ledger.begin_anew()
    assert ledger.evidence.epoch == old.epoch
    assert ledger.evidence.series != old.series
    assert sum(ledger.evidence.totals()) == 0
    ends(ledger, Verdict.MATCHED, row)
    assert sum(ledger.evidence.totals()) == 0  # it ended where it began
    assert ledger.evidences() == (old, ledger.evidence)
    assert ledger.statistics({}).matched == 1


def test_an_epoch_that_was_left_is_gone_on_with_in_its_latest_series():
    ledger = ledger_of("1")
    first = ledger.evidence
    ledger.begin_anew()
    second = ledger.evidence
    ledger.use(None, Epoch("2"))
    other = ledger.evidence
    ledger.use(None, Epoch("1"))
    assert ledger.evidence is second
    assert ledger.evidences() == (first, other, second)


def test_a_series_in_which_a_leg_hangs_is_not_gone_on_with_where_a_later_one_is_not_kept_any_more():
    ledger = ledger_of("1")
    row, first = begins(ledger), ledger.evidence
    ledger.begin_anew()
    second = ledger.evidence
    for number in range(EPOCHS):
        ledger.use(None, Epoch(f"other {number}"))
    assert first in ledger.evidences()
    assert second not in ledger.evidences()
    ledger.use(None, Epoch("1"))
    assert ledger.evidence not in (first, second)
    ends(ledger, Verdict.MATCHED, row)
    assert ledger.statistics({}).matched == 1


STEPS = st.one_of(
    st.sampled_from(["leg", "leg", "leg", "closed", "anew"]),
    st.tuples(st.just("epoch"), st.sampled_from("123456")),
    st.tuples(st.just("end"), st.integers(0, 1_000), st.sampled_from([one for one in Verdict if one.mirrored])),
)


@given(st.lists(STEPS, max_size=80))
def test_whatever_series_and_epochs_begin_each_call_is_counted_once_and_where_it_began(steps):
    ledger, legs, ended = ledger_of("1"), [], dict.fromkeys(Verdict, 0)
    begun = {id(ledger.evidence): (ledger.evidence, 0)}
    for step in steps:
        if step == "leg":
            legs.append(begins(ledger))
        elif step == "closed":
            ledger.count_closed("a")
            ended[Verdict.CLOSED] += 1
        elif step == "anew":
            ledger.begin_anew()
        elif step[0] == "epoch":
            ledger.use(None, Epoch(step[1]))
        elif legs:
            ends(ledger, step[2], legs.pop(step[1] % len(legs)))
            ended[step[2]] += 1
        evidence = ledger.evidence
        count = begun.get(id(evidence), (evidence, 0))[1] + (step in ("leg", "closed"))
        begun[id(evidence)] = evidence, count
        statistics = ledger.statistics({})
        assert_accounts(statistics)
        assert statistics.in_flight == len(legs)
        assert {verdict: getattr(statistics, verdict.value) for verdict in Verdict} == ended
        assert all(sum(evidence.totals()) == count for evidence, count in begun.values())
        kept = ledger.evidences()
        assert kept[-1] is evidence
        assert len({one.series for one in kept}) == len(kept)
        assert len([one for one in kept if not one.held]) <= EPOCHS
