"""Launching: from an admitted call to a leg whose shadow runs, and its secondary too if this call is paired.

All of it is on the caller's time. It runs user code in one place, the copy of the request; if that raises there is no
run, and the leg settles at once.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

from trio.lowlevel import disable_ki_protection

from trioshadow._model.errors import passing_error
from trioshadow._model.fixing import NotCopiedError, copy_request
from trioshadow._model.immutable import ATOMS
from trioshadow._model.kinds import is_a
from trioshadow._model.packing import Packed
from trioshadow._model.sizes import size_of
from trioshadow._model.verdict import Verdict
from trioshadow._service.desk import Desk
from trioshadow._service.hosts import HostPool
from trioshadow._service.judging import ABANDONED, PrimarySide, compare_failure
from trioshadow._service.pair import Pair
from trioshadow._service.run import Run
from trioshadow._service.settling import SecondarySettlement, ShadowSettlement
from trioshadow._settings.config import ShadowConfig
from trioshadow.evidence import Evidence, Operation

from .mirrored_leg import MirroredLeg
from .outcome import pending_outcome


class Launcher:
    """Launches what was admitted. `shadow` and `secondary` are the backends' calls."""

    def __init__(
        self,
        shadow: Callable[[Any], Awaitable[Any]],
        secondary: Callable[[Any], Awaitable[Any]] | None,
        desk: Desk,
        pool: HostPool,
    ) -> None:
        self._shadow = shadow
        self._secondary = secondary
        self._desk = desk
        self._pool = pool
        self._random = random.Random()  # noqa: S311 - which calls are paired is no secret

    def begin(self) -> None:
        """It may have been forked since it was made, and each child draws for itself."""
        self._random.seed()

    def launch(
        self,
        config: ShadowConfig,
        request: Any,
        size: int,
        key: bytes,
        operation: str,
        *,
        evidence: Evidence,
        row: Operation,
        permit: int | None,
    ) -> MirroredLeg[Any, Any] | None:
        """The leg of an admitted call, whose request has `size` bytes; None if the request is not copied, and so there
        is none. Raises what must pass of what the copy of the request raises, and nothing else.
        """
        desk = self._desk
        primary = PrimarySide()
        outcome, settle_outcome = pending_outcome()
        settlement = ShadowSettlement(
            desk, config, key, operation, evidence=evidence, row=row, permit=permit, settle_outcome=settle_outcome
        )
        run = Run(desk, config, "shadow", self._shadow, primary=primary, settlement=settlement)
        runs: tuple[Run, ...] = (run,)
        try:
            if config.copy_request is None and type(request) in ATOMS:
                run.request = request  # the commonest case, without the calls below
            else:
                run.request = _copy_of(config, request)
                size = size_of(run.request)
            if config.capture is not None and config.capture.request:
                run.captured_request = _another_copy(config, request, run.request)
            if self._secondary is not None and self._is_paired(config):
                runs = self._pair(config, request, run, primary, settlement), run
        except BaseException as exc:
            if passing_error(exc) is not None:
                run.settle(ABANDONED)
                raise
            if is_a(exc, NotCopiedError):
                desk.notices.say("not copied", f"calls are not mirrored: {exc}")
                return None
            run.settle((Verdict.FAILED, None, compare_failure("copy_request", exc)))
        else:
            if size:
                run.hold(size)
            # In random order, so that time favours neither.
            in_order = runs if len(runs) == 1 or self._random.random() < 0.5 else runs[::-1]
            for one in in_order:
                self._pool.launch(one)
        return MirroredLeg(config, primary, runs, settlement=settlement, outcome=outcome, now=desk.now)

    def _is_paired(self, config: ShadowConfig) -> bool:
        # A secondary that refuses to be cancelled outlasts its call, and takes no place in `in_flight` any more.
        return self._random.random() < config.noise_rate and self._desk.ledger.pairs < config.max_in_flight

    def _pair(
        self, config: ShadowConfig, request: Any, run: Run, primary: PrimarySide, settlement: ShadowSettlement
    ) -> Run:
        """The secondary's run, beside the shadow's."""
        assert self._secondary is not None
        request = _another_copy(config, request, run.request)
        settlement.pair = pair = Pair(self._desk.ledger)
        of_secondary = SecondarySettlement(self._desk, config, settlement.operation, pair)
        secondary = Run(self._desk, config, "secondary", self._secondary, primary=primary, settlement=of_secondary)
        secondary.request = request
        return secondary


@disable_ki_protection
def _copy_of(config: ShadowConfig, request: Any) -> Any:
    if config.copy_request is not None:
        return config.copy_request(request)
    return copy_request(request, config.max_copied_bytes)


def _another_copy(config: ShadowConfig, request: Any, copied: Any) -> Any:
    """One more copy, for another than the shadow; the same where both are safe to have it."""
    if copied is request or type(copied) is Packed:
        return copied
    return _copy_of(config, request)
