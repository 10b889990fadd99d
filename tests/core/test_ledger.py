"""The ledger, in which calls are counted, from any thread. Pure. Through a shadower: test_accounts_by_operation.py."""

from __future__ import annotations

import threading

from trioshadow import Verdict
from trioshadow._accounts.ledger import Ledger
from trioshadow.evidence import Epoch

from tests.support.accounts import assert_accounts


def test_two_threads_lose_no_count():
    ledger = Ledger(Epoch(), lambda: "series", lambda: 0.0)

    def count():
        for number in range(20_000):
            ledger.count_elsewhere("ab"[number % 2])

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
    assert mirrored == {"MATCHED", "DIVERGED", "FAILED", "TIMED_OUT", "ABANDONED"}
