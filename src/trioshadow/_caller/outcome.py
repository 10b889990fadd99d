"""ShadowOutcome: what `call()` returns, the primary's answer now and the shadow's side when it is known.

It holds no leg, no task and no exception, and nothing holds it but its caller and, until it settles, its leg.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import trio

from trioshadow._model.errors import ShadowPending
from trioshadow._model.verdict import ShadowFailure, Verdict
from trioshadow._service.settling import SettleOutcome
from trioshadow.compare import Divergence

PrimaryT = TypeVar("PrimaryT")
ShadowT = TypeVar("ShadowT")


_NOTHING: tuple[None, None, None] = (None, None, None)


class ShadowOutcome(Generic[PrimaryT, ShadowT]):
    """The primary's answer, and what became of the shadow.

    Made by `Shadower.call()` and `Leg.primary_done()`. Compared by identity.
    """

    primary: PrimaryT
    """The very object that the primary returned."""

    __slots__ = ("__weakref__", "_done", "_result", "_verdict", "_waiting", "primary")

    def __init__(self, primary: PrimaryT, verdict: Verdict | None) -> None:
        self.primary = primary
        self._verdict = verdict
        self._done = verdict is not None
        #: What the shadow answered, the divergence, the failure.
        self._result: tuple[ShadowT | None, Divergence | None, ShadowFailure | None] = _NOTHING
        #: Whom to wake; a new tuple for each, as they may come from several threads.
        self._waiting: tuple[Callable[[], object], ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """Where the call ended; None while that is not known."""
        return self._verdict

    @property
    def mirrored(self) -> bool:
        """Did the call have a leg? Known at once."""
        return self._verdict is None or self._verdict.mirrored

    @property
    def skipped_by_sampler(self) -> bool:
        """The sampler left this call out: `verdict is Verdict.NOT_SAMPLED`."""
        return self._verdict is Verdict.NOT_SAMPLED

    @property
    def shadow(self) -> ShadowT | None:
        """What the shadow answered; None if it did not. Raises ShadowPending while that is not known."""
        self._require_settled("shadow")
        return self._result[0]

    @property
    def divergence(self) -> Divergence | None:
        """How the answers differ; None if they do not. Raises ShadowPending while that is not known."""
        self._require_settled("divergence")
        return self._result[1]

    @property
    def shadow_failed(self) -> ShadowFailure | None:
        """Why the shadow gave nothing to compare; None if it did. Raises ShadowPending while that is not known."""
        self._require_settled("shadow_failed")
        return self._result[2]

    async def wait_settled(self) -> ShadowOutcome[PrimaryT, ShadowT]:
        """Wait until the verdict is known and the call's record, if it leaves one, is in the log; return this outcome.

        A checkpoint, in the shadower's own run. Any number of tasks may wait; cancelling one concerns nobody else. A
        leg settles when both sides are known: at its deadline at the latest, if the primary is done and the shadow can
        be cancelled. A shadow that refuses (a shield, a swallowed Cancelled) settles when it ends, and holds its place
        until then.
        """
        if self._done:
            await trio.lowlevel.checkpoint()
            return self
        settled = trio.Event()
        self._waiting += (settled.set,)
        await settled.wait()
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """In another thread than the shadower's: block until `wait_settled()` would return, or until `timeout` seconds
        have passed. Is it settled? In the shadower's own thread it would wait for itself: there, `wait_settled()`.
        """
        if not self._done:
            settled = threading.Event()
            self._waiting += (settled.set,)
            if not self._done:  # pragma: no branch - it may have been settled before this could be woken
                settled.wait(timeout)
        return self._done

    def _require_settled(self, attribute: str) -> None:
        if self._verdict is None:
            raise ShadowPending(
                f"outcome.{attribute} is not known yet: `await outcome.wait_settled()` first, or test "
                "`outcome.verdict is not None`"
            )

    def _settle(
        self,
        verdict: Verdict,
        shadow: ShadowT | None,
        divergence: Divergence | None,
        failure: ShadowFailure | None,
    ) -> None:
        """The leg's verdict."""
        self._result = shadow, divergence, failure
        self._verdict = verdict

    def _recorded(self) -> None:
        """The leg's last word: its record, if any, has arrived."""
        self._done = True
        waiting, self._waiting = self._waiting, ()
        for wake in waiting:
            wake()

    def __repr__(self) -> str:
        # Not the answers: they are the caller's, and may be secret.
        state = "pending" if self._verdict is None else self._verdict.value
        return f"<ShadowOutcome {state}>"


def pending_outcome() -> tuple[ShadowOutcome[Any, Any], SettleOutcome, Callable[[], None]]:
    """An outcome, the function that settles it (verdict, the shadow's answer, divergence, failure), and that which is
    called when the record of that has arrived.
    """
    outcome: ShadowOutcome[Any, Any] = ShadowOutcome(None, None)
    return outcome, outcome._settle, outcome._recorded  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - two ends of one thing
