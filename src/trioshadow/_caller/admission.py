"""Admission: is this call mirrored? Decided in the caller's task, at once, before the primary is asked.

Promises kept here:

- *Every call is accounted for*: each way out enters the call in exactly one counter.
- *Bounded*: a call is shed before it gets a leg, when legs and waiting records fill the room, or when the caller is so
  deep in the stack that a leg would not fit. That is asked here, once; no other place knows of it.
- *Sticky*: `ShadowConfig.should_shadow` alone decides which keys are mirrored.

The order of the questions is the order of precedence, and what most calls are asked comes first. Code of users runs for
the key, for `may_mirror`, for the breaker and for the copy of the request; what it raises is counted and said, and does
not reach the caller. All of it runs before the call is entered: it may call this very shadower, be interrupted by a
signal handler that does, or run while another thread folds rows or begins an epoch.

A call may come from another thread: the questions are answered there, and only the launch is the loop's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import get_ident
from typing import Any

from trio.lowlevel import disable_ki_protection, enable_ki_protection, in_trio_run

from trioshadow._accounts.ledger import Ledger
from trioshadow._accounts.notices import Notices
from trioshadow._model.errors import ShadowerNotRunning, passing_error, type_name
from trioshadow._model.immutable import ATOMS
from trioshadow._model.sampling import SamplingKey, encode_key
from trioshadow._model.sizes import size_of
from trioshadow._model.verdict import HeldBack, Verdict
from trioshadow._service.door import NO_TRIO, Door, State
from trioshadow._service.gate import Gate
from trioshadow._service.kill_file import VARIABLE
from trioshadow._service.marks import shadow_mark
from trioshadow._settings.config import ShadowConfig
from trioshadow._settings.records import OPERATION_LIMIT
from trioshadow.evidence import UNNAMED, Evidence

from .launch import Launcher
from .leg import IdleLeg, Leg, NamedIdleLeg
from .mirrored_leg import MirroredLeg

#: The leg of each call that is not mirrored.
_NOT_SAMPLED, _SHED, _UNKEYED, _HELD_BACK, _PAUSED, _CLOSED = (
    IdleLeg(verdict) for verdict in Verdict if not verdict.mirrored
)

#: Frames of the stack that a leg needs, from its admission to the end of the primary's side, with many to spare. Its
#: launch takes ten to twelve; the rest is for what copies the request and for a notice in the log.
FRAMES = 60


class Admission:
    """Decides for one shadower."""

    def __init__(
        self,
        *,
        door: Door,
        ledger: Ledger,
        notices: Notices,
        gate: Gate | None,
        launcher: Launcher,
    ) -> None:
        self._door = door
        self.ledger = ledger
        self._notices = notices
        self._gate = gate
        self._launcher = launcher
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
        context: Mapping[str, object] | None = None,
        *,
        config: ShadowConfig | None = None,
        refused: HeldBack | None = None,
    ) -> Leg[Any, Any]:
        """The leg of this call. Raises ShadowerNotRunning before the shadower was entered, and nothing else but what
        must pass.
        """
        door, ledger = self._door, self.ledger
        current: tuple[ShadowConfig, Evidence] = ledger.current
        own, evidence = current
        if config is None:
            config = own
        here = get_ident() == door.thread
        if not here:
            why = door.refusal(any_thread=config.threads)
            if why:
                return self._refuse(why, operation)
        # The type first: what is no str may not even say whether it is true.
        if type(operation) is not str or operation not in evidence.operations:
            operation = _known(evidence, operation, here)
        mark = shadow_mark.get()
        if mark is not None and mark.running:
            return self._hold_back(HeldBack.IN_SHADOW, evidence, operation)
        if self._stopped:
            return self._pause(evidence, operation)
        if not config.threshold:  # nobody's key is asked for
            ledger.count(evidence, operation, _NOT_SAMPLED.slot)
            return _NOT_SAMPLED
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
                ledger.count(evidence, operation, _UNKEYED.slot)
                return _UNKEYED
        if not config.should_shadow(key_bytes):
            ledger.count(evidence, operation, _NOT_SAMPLED.slot)
            return _NOT_SAMPLED
        if here and not door.is_of_this_run():
            return self._closed("they come from another trio.run than the shadower's", operation)
        if refused is not None:
            return self._hold_back(refused, evidence, operation)
        if (config.may_mirror is not None or type(request) not in ATOMS) and not self.may_mirror(request, config):
            return self._hold_back(HeldBack.NOT_ALLOWED, evidence, operation)
        try:
            _ask_the_stack()
        except RecursionError:
            ledger.shed_for_want_of_stack(evidence, operation)
            return _SHED
        gate = self._gate
        permit = None
        if gate is not None:
            permit = gate.admit()
            if permit is None:
                ledger.pause_by_breaker(evidence, operation)
                return _PAUSED
        return self._launch(config, request, key_bytes, operation, context, evidence=evidence, permit=permit)

    def _launch(
        self,
        config: ShadowConfig,
        request: Any,
        key: bytes,
        operation: str,
        context: Mapping[str, object] | None,
        *,
        evidence: Evidence,
        permit: int | None,
    ) -> MirroredLeg[Any, Any] | IdleLeg:
        """The leg of a sampled call, if there is room for it."""
        ledger, launcher = self.ledger, self._launcher
        limit, max_bytes = config.max_in_flight, config.max_in_flight_bytes - size_of(request)
        entered = prepared = None
        try:
            if ledger.has_room(limit, max_bytes):  # what there is no room for need not be copied
                prepared = launcher.prepare(config, request, context)
                if prepared is None:
                    return self._hold_back(HeldBack.NOT_COPIED, evidence, operation)
                entered = ledger.admit(limit, max_bytes, evidence, operation)
        finally:
            if entered is None and permit is not None:
                assert self._gate is not None
                self._gate.give_back(permit)
        if entered is None or prepared is None:
            ledger.shed(limit, evidence, operation)
            self._notices.say("shed", "calls are shed: max_in_flight or max_in_flight_bytes is reached")
            return _SHED
        evidence, row = entered
        return launcher.launch(config, prepared, key, operation, evidence=evidence, row=row, permit=permit)

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
        if self._door.state is State.NEW and not self._door.any_thread:
            return self.in_hand(self._closed("it was never entered", operation), operation)
        return self.in_hand(self.admit(request, key, operation, config=config, refused=refused), operation)

    def in_hand(self, leg: Leg[Any, Any], operation: str) -> Leg[Any, Any]:
        """A leg for who may name it."""
        if isinstance(leg, IdleLeg):
            return NamedIdleLeg(leg.verdict, self.ledger.evidence, _name_of(operation))
        return leg

    @property
    def config(self) -> ShadowConfig:
        """That of calls that begin now."""
        config: ShadowConfig = self.ledger.current[0]
        return config

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

    def _hold_back(self, cause: HeldBack, evidence: Evidence, operation: str) -> IdleLeg:
        self.ledger.hold_back(cause, evidence, operation)
        return _HELD_BACK

    def _closed(self, why: str, operation: str) -> IdleLeg:
        self.ledger.count_closed(_name_of(operation))
        self._notices.say(f"closed: {why}", f"calls are served by the primary and not mirrored: {why}", once=True)
        return _CLOSED

    def _refuse(self, why: str, operation: str) -> IdleLeg:
        if self._door.state is State.NEW and not self._door.any_thread:
            raise ShadowerNotRunning(
                "this shadower was never entered: "
                + ("wrap the program that calls it in `async with shadower:`" if in_trio_run() else NO_TRIO)
            )
        return self._closed(why, operation)

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

    def _pause(self, evidence: Evidence, operation: str) -> IdleLeg:
        self.ledger.count(evidence, operation, _PAUSED.slot)
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


def _known(evidence: Evidence, operation: object, here: bool) -> str:
    """The name under which there is a row for this call, at this moment."""
    name = _name_of(operation)
    if not here:
        return evidence.known(name)
    evidence.operation(name)
    return name


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
