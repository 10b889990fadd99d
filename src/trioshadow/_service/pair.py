"""A call with a secondary is entered in the evidence when both runs are done, by whichever is the last.

The two are runs of their own, with a nursery and a deadline each, so that neither can disturb the other. What they came
to meets here, and this holds no run: a settlement holds its pair, never the other way round, until the shadow is done.
"""

from __future__ import annotations

from collections.abc import Callable

from trioshadow._accounts.ledger import Ledger
from trioshadow.evidence import Observation


class Pair:
    """Where what the shadow and what the secondary came to meet."""

    __slots__ = ("_enter", "_ledger", "_secondary", "_undone")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._enter: Callable[[Observation], None] | None = None
        self._secondary: Observation | None = None
        self._undone = False
        ledger.pairs += 1
        ledger.pairs_begun += 1

    def undo(self) -> None:
        """The call was never mirrored."""
        self._undone = True
        self._ledger.pairs -= 1
        self._ledger.pairs_begun -= 1

    def shadow_done(self, enter: Callable[[Observation], None]) -> None:
        """The shadow's side is judged. `enter` enters both in the evidence."""
        if self._secondary is None:
            self._enter = enter
        else:
            self._ledger.pairs -= 1
            enter(self._secondary)

    def secondary_done(self, observation: Observation) -> None:
        """The secondary's side is judged."""
        if self._undone:
            return
        enter = self._enter
        if enter is None:
            self._secondary = observation
        else:
            self._enter = None
            self._ledger.pairs -= 1
            enter(observation)
