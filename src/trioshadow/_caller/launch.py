"""Launching: from a sampled call to a leg whose shadow runs, and its secondary too if this call is paired.

All of it is on the caller's time. What runs user code, the copy of the request, is prepared before the call is
admitted; if that raises there is no run, and the leg settles when the loop comes to it.
"""

from __future__ import annotations

import contextvars
import functools
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from trio.lowlevel import disable_ki_protection

from trioshadow._model.errors import passing_error, type_name
from trioshadow._model.fixing import NotCopiedError, copy_request
from trioshadow._model.immutable import ATOMS
from trioshadow._model.kinds import is_a
from trioshadow._model.packing import Packed
from trioshadow._model.sizes import size_of
from trioshadow._model.verdict import ShadowFailure, Verdict
from trioshadow._service.desk import Desk
from trioshadow._service.hosts import HostPool
from trioshadow._service.judging import PrimarySide, compare_failure
from trioshadow._service.pair import Pair
from trioshadow._service.run import Run
from trioshadow._service.settling import SecondarySettlement, ShadowSettlement
from trioshadow._settings.config import ShadowConfig
from trioshadow._settings.context import Context, context_of
from trioshadow.evidence import Evidence, Operation

from .mirrored_leg import MirroredLeg
from .outcome import pending_outcome


class Prepared:
    """What a leg needs of its request, or why there is none of it."""

    __slots__ = ("captured_request", "context", "failure", "paired", "request", "second_request", "size")

    request: Any
    captured_request: Any
    second_request: Any
    """The secondary's, if the call is `paired`."""
    size: int
    """Of the request, in bytes, as far as known."""
    failure: ShadowFailure | None
    context: Context

    def __init__(self) -> None:
        self.request = self.captured_request = self.second_request = self.failure = None
        self.size, self.paired, self.context = 0, False, ()


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

    def prepare(self, config: ShadowConfig, request: Any, context: Mapping[str, object] | None) -> Prepared | None:
        """What a leg needs of its request; None if that is not copied, and so there is no leg. Raises what must pass of
        what the copy of it raises, and nothing else.
        """
        prepared = Prepared()
        if context is not None or config.context is not None:
            prepared.context = self._context_of(config, request, context)
        try:
            if config.copy_request is None and type(request) in ATOMS:
                prepared.request = request  # the commonest case, without the calls below
            else:
                prepared.request = _copy_of(config, request)
            prepared.size = size_of(prepared.request)
            if config.capture is not None and config.capture.request:
                prepared.captured_request = _another_copy(config, request, prepared.request)
            if self._secondary is not None and self._is_paired(config):
                prepared.second_request = _another_copy(config, request, prepared.request)
                prepared.paired = True
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            if is_a(exc, NotCopiedError):
                self._desk.notices.say("not copied", f"calls are not mirrored: {exc}")
                return None
            prepared.failure = compare_failure("copy_request", exc)
        return prepared

    def launch(
        self,
        config: ShadowConfig,
        prepared: Prepared,
        key: bytes,
        operation: str,
        *,
        evidence: Evidence,
        row: Operation,
        permit: int | None,
    ) -> MirroredLeg[Any, Any]:
        """The leg of an admitted call. Runs no code of users. The shadow is started now, or by the post."""
        desk, post = self._desk, self._desk.post
        primary = PrimarySide()
        outcome, settle_outcome, arrived = pending_outcome()
        settlement = ShadowSettlement(
            *(desk, config, key, operation),
            evidence=evidence,
            row=row,
            permit=permit,
            settle_outcome=settle_outcome,
            arrived=arrived,
            context=prepared.context,
        )
        run = Run(desk, config, "shadow", self._shadow, primary=primary, settlement=settlement)
        runs: tuple[Run, ...] = (run,)
        if prepared.failure is None:
            run.request, run.captured_request = prepared.request, prepared.captured_request
            if prepared.size:
                run.hold(prepared.size)
            if prepared.paired:
                runs = self._second(config, prepared.second_request, primary, settlement), run
            # In random order, so that time favours neither.
            in_order = runs if len(runs) == 1 or self._random.random() < 0.5 else runs[::-1]
            if post.at_hand:
                for one in in_order:
                    self._pool.launch(one)
            else:
                post.put(functools.partial(self._launch_all, in_order, contextvars.copy_context()))
        else:
            # Not at once: this call may come in the midst of the end of another one.
            post.put(functools.partial(run.settle, (Verdict.FAILED, None, prepared.failure)))
        return MirroredLeg(config, primary, runs, settlement=settlement, outcome=outcome, desk=desk)

    def _context_of(self, config: ShadowConfig, request: Any, given: Mapping[str, object] | None) -> Context:
        try:
            values = _given_context(config, request, given)
        except BaseException as exc:  # the function is user code, and so may a mapping be
            if passing_error(exc) is not None:
                raise
            why = f"{type_name(type(exc))} was raised"
        else:
            try:
                return context_of(values)
            except ValueError as exc:
                why = str(exc)
        self._desk.notices.say("context", f"a record has no context: {why}")
        return ()

    def _launch_all(self, runs: Iterable[Run], callers: contextvars.Context) -> None:
        for run in runs:
            callers.run(self._pool.launch, run)

    def _is_paired(self, config: ShadowConfig) -> bool:
        # A secondary that refuses to be cancelled outlasts its call, and takes no place in `in_flight` any more.
        return self._random.random() < config.noise_rate and self._desk.ledger.pairs < config.max_in_flight

    def _second(self, config: ShadowConfig, request: Any, primary: PrimarySide, settlement: ShadowSettlement) -> Run:
        """The secondary's run, beside the shadow's."""
        assert self._secondary is not None
        settlement.pair = pair = Pair(self._desk.ledger)
        of_secondary = SecondarySettlement(self._desk, config, settlement.operation, pair)
        secondary = Run(self._desk, config, "secondary", self._secondary, primary=primary, settlement=of_secondary)
        secondary.request = request
        return secondary


@disable_ki_protection
def _given_context(config: ShadowConfig, request: Any, given: Mapping[str, object] | None) -> dict[Any, object]:
    return dict(config.context(request) if given is None and config.context is not None else given or ())


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
