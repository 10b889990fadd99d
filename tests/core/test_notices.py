"""What a shadower says in its log, and how often. Pure: the clock is the test's."""

from __future__ import annotations

from trioshadow._accounts.notices import Notices


def test_a_notice_is_said_once_a_minute_with_the_number_suppressed(caplog):
    now = 0.0
    notices = Notices("swap", clock=lambda: now)
    for now in (0, 1, 59.9, 60, 61, 119, 500):  # noqa: B007 - read by the clock
        notices.say("cause", "text")
    notices.say("other", "text")
    for now in (600, 9999):  # noqa: B007
        notices.say("once", "only", once=True)
    assert [entry.getMessage() for entry in caplog.records] == [
        "shadower 'swap': text",
        "shadower 'swap': text (2 more of these since it was last said)",
        "shadower 'swap': text (2 more of these since it was last said)",
        "shadower 'swap': text",
        "shadower 'swap': only",
    ]
