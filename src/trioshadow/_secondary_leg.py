"""The leg that calls the secondary, beside the shadow's: as that one in all, but that nobody hears of it.

It is told the primary's side by the shadow's leg, leaves no record and no outcome, and is counted apart. What it came
to is entered in the evidence together with what the shadow came to (`_pair.py`).
"""

from __future__ import annotations

from typing import Any

from ._active_leg import ActiveLeg
from ._judge import PrimarySide
from ._model.verdict import ShadowFailure, Verdict
from .compare import Divergence


class SecondaryLeg(ActiveLeg[Any, Any]):
    """The leg that calls the secondary: as the shadow's in all, but that it is counted apart and leaves no record."""

    __slots__ = ()

    secondary = True

    def __init__(self, leg: ActiveLeg[Any, Any]) -> None:
        super().__init__(leg.desk, leg.config, b"", leg.operation, evidence=leg.evidence, row=leg.row)
        assert leg.desk.secondary is not None
        self.backend = leg.desk.secondary

    def primary_known(self, leg: ActiveLeg[Any, Any]) -> None:
        """The primary's side, which the shadow's leg was told."""
        self.primary_value = leg.primary_value
        self.primary_error = leg.primary_error
        if self.own_failure is None:
            self.own_failure = leg.primary_failure
        # A leg that was settled first has not looked at the answer.
        self._conclude(PrimarySide.ABANDONED if leg.settled else leg.primary)

    def _settle(self, verdict: Verdict, divergence: Divergence | None, failure: ShadowFailure | None) -> None:
        pair = self.pair
        assert pair is not None
        self._settled = True
        if self.held_bytes:
            self.desk.ledger.held_bytes -= self.held_bytes
        pair.secondary_done(self._observation(verdict, divergence, failure))
        mark = self.mark
        self.host = self.request = self.primary_value = self.answer = self.pair = self.mark = None
        if mark is not None and mark.watchers:
            self._tell_watchers(mark, verdict, failure)
        if self.desk.consumer.waiters:
            self.desk.consumer.changed()
