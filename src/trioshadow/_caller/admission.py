"""Admission: is this call mirrored? Decided in the caller's task, at once, before the primary is asked.

Promises kept here:

- *Every call is accounted for*: each way out enters the call in exactly one counter.
- *Bounded*: a call is shed before it gets a leg, when legs and waiting records fill the room, or when the caller is so
  deep in the stack that a leg would not fit. That is asked here, once; no other place knows of it.
- *Sticky*: `ShadowConfig.should_shadow` alone decides which keys are mirrored.

The order of the questions is the order of precedence, and what most calls are asked comes first. Code of users runs for
the key, for `may_mirror` and for the breaker; what it raises is counted and said, and does not reach the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any

from trio.lowlevel import disable_ki_protection, enable_ki_protection

from trioshadow._accounts.ledger import Ledger
from trioshadow._accounts.notices import Notices
from trioshadow._model.errors import ShadowerNotRunning, passing_error, type_name
from trioshadow._model.immutable import ATOMS
from trioshadow._model.sampling import SamplingKey, encode_key
from trioshadow._model.sizes import size_of
from trioshadow._model.verdict import HeldBack, Verdict
from trioshadow._service.door import Door, State
from trioshadow._service.gate import Gate
from trioshadow._service.kill_file import VARIABLE
from trioshadow._service.marks import shadow_mark
from trioshadow._settings.config import ShadowConfig
from trioshadow._settings.records import OPERATION_LIMIT
from trioshadow.evidence import UNNAMED, Evidence, Operation

from .launch import Launcher
from .leg import IdleLeg, Leg, NamedIdleLeg

#: The leg of each call that is not mirrored.
_NOT_SAMPLED, _SHED, _UNKEYED, _HELD_BACK, _PAUSED, _CLOSED = (
    IdleLeg(verdict) for verdict in Verdict if not verdict.mirrored
)

#: Frames of the stack that a leg needs, from its admission to the end of the primary's side, with many to spare. Its
#: launch takes ten to twelve; the rest is for what copies the request and for a notice in the log.
FRAMES = 60


class Admission:
    """Decides for one shadower. `config` is that of calls that begin now."""

    def __init__(
        self,
        config: ShadowConfig,
        *,
        door: Door,
        ledger: Ledger,
        notices: Notices,
        gate: Gate | None,
        launcher: Launcher,
    ) -> None:
        self.config = config
        self._door = door
        self.ledger = ledger
        self._notices = notices
        self._gate = gate
        self._launch = launcher.launch
        self._paused = False
        self._killed = False
        self._stopped = False
        """Either of them: one question on the path of all calls."""

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @enable_ki_protection
    def admit(
        self,
        request: Any,
        key: SamplingKey | None,
        operation: str,
        config: ShadowConfig | None = None,
        refused: HeldBack | None = None,
    ) -> Leg[Any, Any]:
        """The leg of this call. Raises ShadowerNotRunning before the shadower was entered, and nothing else but what
        must pass.
        """
        if get_ident() != self._door.thread:
            return self._elsewhere(operation)
        evidence = self.ledger.evidence
        # The type first: what is no str may not even say whether it is true.
        row = _row(evidence, operation) if type(operation) is str and operation else evidence.unnamed
        mark = shadow_mark.get()
        if mark is not None and mark.running:
            return self._hold_back(HeldBack.IN_SHADOW, row)
        if self._stopped:
            return self._pause(row)
        if config is None:
            config = self.config
        try:
            if key is None:
                key = request if config.key is None else _key_of(config.key, request)
            key_bytes = key if type(key) is bytes else encode_key(key)
        except BaseException as exc:  # the key function is user code
            if passing_error(exc) is not None:
                raise
            key_bytes = b""
            if config.sample_rate < 1:
                self._notices.say("unkeyed", f"a request has no sampling key ({_no_key(key, exc)}): not mirrored")
                row.counts[_UNKEYED.slot] += 1
                return _UNKEYED
        if not config.should_shadow(key_bytes):
            row.counts[_NOT_SAMPLED.slot] += 1
            return _NOT_SAMPLED
        if not self._door.is_of_this_run():
            return self._closed("they come from another trio.run than the shadower's", operation)
        if refused is not None:
            return self._hold_back(refused, row)
        if (config.may_mirror is not None or type(request) not in ATOMS) and not self.may_mirror(request, config):
            return self._hold_back(HeldBack.NOT_ALLOWED, row)
        try:
            _ask_the_stack()
        except RecursionError:
            row.counts[_SHED.slot] += 1  # no call here: there may be no room for one
            self.ledger.shed_for_stack += 1
            return _SHED
        gate = self._gate
        permit = None
        if gate is not None:
            permit = gate.admit()
            if permit is None:
                row.counts[_PAUSED.slot] += 1
                row.lost["breaker"] += 1  # after it: a part is never more than the whole
                self.ledger.paused_by_breaker += 1
                return _PAUSED
        size = size_of(request)
        if not self.ledger.admit(config.max_in_flight, config.max_in_flight_bytes - size, row):
            self._give_back(permit)
            self._notices.say("shed", "calls are shed: max_in_flight or max_in_flight_bytes is reached")
            return _SHED
        # The evidence that the row is of: user code that ran since may have begun another epoch.
        leg = self._launch(config, request, size, key_bytes, operation, evidence=evidence, row=row, permit=permit)
        if leg is None:
            self.ledger.withdraw_leg(HeldBack.NOT_COPIED, row)
            self._give_back(permit)
            return _HELD_BACK
        return leg

    @enable_ki_protection  # as of `Shadower.start()`
    def admit_if_entered(
        self,
        request: Any,
        *,
        key: SamplingKey | None = None,
        operation: str = "",
        config: ShadowConfig | None = None,
        refused: HeldBack | None = None,
    ) -> Leg[Any, Any]:
        """For drop-in forms, which are live before any shadower runs: then it counts `closed`, and says so once.

        `config` takes the place of the shadower's own; a call that the form itself refuses to mirror is held back for
        the cause `refused`, if it is sampled.
        """
        if self._door.state is State.NEW:
            return self.in_hand(self._closed("it was never entered", operation), operation)
        return self.in_hand(self.admit(request, key, operation, config, refused), operation)

    def in_hand(self, leg: Leg[Any, Any], operation: str) -> Leg[Any, Any]:
        """A leg for who may name it."""
        if isinstance(leg, IdleLeg):
            return NamedIdleLeg(leg.verdict, self.ledger.evidence, _name_of(operation))
        return leg

    @property
    def entered(self) -> bool:
        """Is the shadower running, or has it been?"""
        return self._door.state is not State.NEW

    @enable_ki_protection
    def may_mirror(self, request: Any, config: ShadowConfig | None = None) -> bool:
        """What `config.may_mirror`, or the request's type, says of this request; False if that raises."""
        may_mirror = (config or self.config).may_mirror
        try:
            if may_mirror is None:
                may_mirror = getattr(type(request), "__trioshadow_may_mirror__", None)
                if may_mirror is None:
                    return True
            return _answer_of(may_mirror, request)
        except BaseException as exc:  # user code
            if passing_error(exc) is not None:
                raise
            self._notices.say("may_mirror", f"may_mirror raised {type_name(type(exc))}: not mirrored")
            return False

    def _give_back(self, permit: int | None) -> None:
        if self._gate is not None and permit is not None:
            self._gate.give_back(permit)

    def _hold_back(self, cause: HeldBack, row: Operation) -> IdleLeg:
        self.ledger.hold_back(cause, row)
        return _HELD_BACK

    def _closed(self, why: str, operation: str) -> IdleLeg:
        self.ledger.count_elsewhere(_name_of(operation))
        self._notices.say(f"closed: {why}", f"calls are served by the primary and not mirrored: {why}", once=True)
        return _CLOSED

    def _elsewhere(self, operation: str) -> IdleLeg:
        if self._door.state is State.NEW:
            raise ShadowerNotRunning(
                "this shadower was never entered: wrap the program that calls it in `async with shadower:`"
            )
        if self._door.state is State.CLOSED:
            return self._closed("the shadower was left", operation)
        return self._closed("they come from another thread than the shadower's", operation)

    # ── pausing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def paused(self) -> bool:
        """By `pause()` or by the kill file."""
        return self._stopped

    @enable_ki_protection
    def pause(self) -> None:
        """Count calls `paused`, until `resume()`."""
        self._paused = self._stopped = True

    @enable_ki_protection
    def resume(self) -> None:
        """Mirror again, unless the kill file is there."""
        self._paused = False
        self._stopped = self._killed

    @enable_ki_protection
    def killed(self, is_there: bool) -> None:
        """The kill file has come or gone."""
        self._killed = is_there
        self._stopped = self._paused or is_there
        told = "is there: no call is mirrored until it is removed" if is_there else "is not there: calls are mirrored"
        self._notices.say(f"kill file {is_there}", f"the kill file that {VARIABLE} names {told}")

    def _pause(self, row: Operation) -> IdleLeg:
        row.counts[_PAUSED.slot] += 1
        if not self._paused:
            self.ledger.paused_by_kill_file += 1  # after it: a part is never more than the whole
        return _PAUSED


def _of_depth(frames: int) -> Callable[[], None]:
    """A function that goes so many frames deep, and comes back: with as little to do in each as can be, since each
    sampled call asks. (Against a recursion that counts: 1.2 against 1.8 µs alone; `nox -s bench` has it in a call.)
    """

    def above(deeper: Callable[[], None]) -> Callable[[], None]:
        return lambda: deeper()  # noqa: PLW0108 - it is the frame that counts

    go: Callable[[], None] = lambda: None  # noqa: E731 - the innermost of them
    for _ in range(frames - 1):
        go = above(go)
    return go


_ask_the_stack = _of_depth(FRAMES)


def _row(evidence: Evidence, operation: str) -> Operation:
    row = evidence.operations.get(operation)
    return evidence.operation(_name_of(operation)) if row is None else row


def _no_key(key: object, exc: BaseException) -> str:
    return type_name(type(exc)) if key is None else f"{type_name(type(exc))}, the key is a {type_name(type(key))}"


def _name_of(operation: object) -> str:
    return operation[:OPERATION_LIMIT] if type(operation) is str else UNNAMED


@disable_ki_protection
def _key_of(key: Callable[[Any], SamplingKey], request: Any) -> SamplingKey:
    return key(request)


@disable_ki_protection
def _answer_of(may_mirror: Callable[[Any], bool], request: Any) -> bool:
    return bool(may_mirror(request))
