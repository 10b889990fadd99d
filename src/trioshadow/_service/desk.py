"""The desk: what all runs of one shadower share."""

from __future__ import annotations

from collections.abc import Callable

from trioshadow._accounts.instruments import Instruments
from trioshadow._accounts.ledger import Ledger
from trioshadow._accounts.notices import Notices

from .comparer import Comparer
from .post import Post


class Desk:
    """What all runs of one shadower share: where they report, and what they ask."""

    __slots__ = ("closing", "comparer", "instruments", "ledger", "notices", "now", "post", "task_name")

    now: Callable[[], float]
    """The run's clock, without the way through the run that `trio.current_time()` takes: 0.1 against 0.2 µs."""

    def __init__(
        self, *, comparer: Comparer, name: str, ledger: Ledger, notices: Notices, instruments: Instruments
    ) -> None:
        self.comparer = comparer
        self.task_name = f"trioshadow leg of {name or 'shadower'}"
        self.ledger = ledger
        self.notices = notices
        self.instruments = instruments
        self.post = Post()
        #: The runs are being cancelled: the shadower is left, or the scope around it was cancelled.
        self.closing = False
