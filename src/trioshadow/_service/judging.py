"""From what is known of the two sides of a call to its verdict. Pure: what happened is told in words and flags, never
in exceptions.

The order of the questions is the order of precedence: a caller that went away before anything, then the deadline, then
what the closing shadower did, then the shadow's own faults, then the comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import attrs

from trioshadow._model.errors import MESSAGE_LIMIT, BodyTooLarge, describe_error, passing_error
from trioshadow._model.fixing import Deferred, loaded, viewed_error
from trioshadow._model.kinds import is_a
from trioshadow._model.refusal import Lack, Refusal
from trioshadow._model.sizes import comparable_size
from trioshadow._model.verdict import FailureKind, ShadowFailure, Verdict
from trioshadow._settings.config import ShadowConfig, View
from trioshadow.compare import Divergence, Raised, same_at_once, same_body, shared_prefix

from .timing import Timing

Judgement: TypeAlias = tuple[Verdict, Divergence | None, ShadowFailure | None]

MATCHED: Judgement = Verdict.MATCHED, None, None
ABANDONED: Judgement = Verdict.ABANDONED, None, None
IGNORED: Judgement = Verdict.IGNORED, None, None
#: Of a call from another thread that was admitted in the moment in which the shadower was left.
CLOSED: Judgement = Verdict.CLOSED, None, None

#: From the two answers of a call that diverged, None for one that raised, to whether it does not count.
Ignores: TypeAlias = Callable[[Any, Any], object]

ReadError: TypeAlias = tuple[Raised | None, ShadowFailure | None, Any]
"""One of: an exception, read; the failure of what reads it; the answer that `error_view` puts in its place."""


@attrs.frozen
class Large:
    """In place of a judgement: these two are to be compared elsewhere, since that takes long."""

    primary: Any
    shadow: Any


PrimaryState: TypeAlias = Literal["pending", "done", "raised", "abandoned"]
"""What the caller has told. It is `done` too if it raised, and `error_view` put an answer in that place."""

RunState: TypeAlias = Literal["running", "answered", "failed", "cancelled"]
"""How the backend's own code ended; `cancelled`: nothing but Cancelled came out of it."""

Cut: TypeAlias = Literal["", "deadline", "late_loop", "other"]
"""What cancelled a run while its backend was running. `late_loop`: the deadline, but Trio looked at it so late that the
backend can't be blamed (see `Run.interrupted`). `other`: the closing shadower, or the backend itself."""


class PrimarySide:
    """What is known of the primary's side of a call: the caller tells it, and each run is compared with it."""

    __slots__ = ("error", "failure", "refusal", "seconds", "state", "timing", "value")

    state: PrimaryState
    value: Any
    """Of its answer what is to be compared, perhaps `Packed`, `ReadOnce` or `Deferred`."""
    error: Raised | None
    """If it raised."""
    failure: ShadowFailure | None
    """Of a view, or of the copy of its answer."""
    refusal: Refusal | None
    """How its answer refuses, before any view; None where it gave none, or one that does not say."""
    seconds: float | None
    """None: it has not ended, or was cancelled."""
    timing: Timing | None
    """Of a sync function, or told by an isolation backend."""

    def __init__(self) -> None:
        self.state = "pending"
        self.value = self.error = self.failure = self.refusal = self.seconds = self.timing = None


class RunFacts:
    """What is known of a run: one backend's side of a call."""

    __slots__ = (
        *("answer", "crash", "cut", "ended", "error", "failure", "gave_way", "seconds", "state", "timing"),
        "in_place_of_error",
    )

    state: RunState
    answer: Any
    """The backend's, if it answered."""
    error: Raised | None
    """What it raised, Cancelled included."""
    seconds: float | None
    """Where it ran, if an isolation backend has told that; of a call that was cut all that it was given. None: it was
    never entered."""
    timing: Timing | None
    """Told by an isolation backend."""
    ended: float
    """When, by the clock of the run."""
    cut: Cut
    crash: tuple[str, str] | None
    """Type name and message of what came out of the call's nursery besides Cancelled."""
    failure: ShadowFailure | None
    """Of the copy of its request, or of `error_view`."""
    in_place_of_error: bool
    """It raised, and its answer is what `error_view` put there."""
    gave_way: bool
    """Was its answer dropped, since there was no room for it?"""

    def __init__(self) -> None:
        self.state = "running"
        self.answer = self.error = self.seconds = self.timing = self.crash = self.failure = None
        self.ended = 0.0
        self.cut = ""
        self.gave_way = self.in_place_of_error = False

    @property
    def cpu_seconds(self) -> float | None:
        """Of its own; None where no isolation backend has told any."""
        return None if self.timing is None else self.timing.cpu_seconds

    @property
    def queued_seconds(self) -> float | None:
        """That it waited for a place, of the time before its own; None where no isolation backend has told any."""
        return None if self.timing is None else self.timing.queued


def is_plain_match(primary: PrimarySide, ran: RunFacts, config: ShadowConfig) -> bool:
    """Are both answers plain values, and the same? Nearly always, where answers are values. Runs no code of others."""
    return (
        primary.state == "done"
        and ran.state == "answered"
        and same_at_once(primary.value, ran.answer)
        and config.plain
        and ran.crash is None
        and not ran.cut
        and ran.failure is None
        and primary.failure is None
        and not ran.gave_way
    )


def judge(
    primary: PrimarySide,
    ran: RunFacts,
    config: ShadowConfig,
    view: View | None,
    *,
    closing: bool,
    ignores: Ignores | None = None,
) -> Judgement | Large:
    """The verdict, with the divergence or failure. `view` is that of the backend's answer; `closing`: the shadower has
    cancelled its runs.

    Runs the view, the comparison and `ignores`; what the second raises is raised.
    """
    if primary.state == "abandoned" or ran.gave_way:
        return ABANDONED
    if ran.cut == "deadline":
        return Verdict.TIMED_OUT, None, _timeout_failure(ran, config)
    if ran.state != "answered" and _cut_by_others(ran, closing):
        return ABANDONED
    if ran.crash is not None:
        # What the backend's code gave is void: it did not leave its task in order.
        return Verdict.FAILED, None, ShadowFailure(FailureKind.RAISED, *ran.crash)
    if primary.state == "pending":
        return ABANDONED
    failure = ran.failure or primary.failure
    if failure is not None and (ran.error is None or primary.state == "raised"):
        return Verdict.FAILED, None, failure
    if primary.error is not None:
        shadow = ran.answer if ran.error is None else None
        divergence = config.comparison.divergence_of_errors(primary.error, ran.error)
        return judgement_of(divergence, None, shadow, ignores)
    if (raised := ran.error) is not None:
        if not issubclass(raised.kind, BodyTooLarge):
            return Verdict.FAILED, None, ShadowFailure(FailureKind.RAISED, raised.name, raised.message)
        if _is_too_large(primary.value):
            return ABANDONED
        return Verdict.FAILED, None, ShadowFailure(FailureKind.TOO_LARGE, raised.name, raised.message)
    if ran.in_place_of_error:
        return _compare_answers(primary.value, loaded(ran.answer), config, None, ignores)
    return _compare_answers(primary.value, ran.answer, config, view, ignores)


def explained_lack(verdict: Verdict, primary: PrimarySide, lack: Lack | None) -> Lack | None:
    """The lack, if this side of the call came to what it did because its copy of the request had no credentials.

    What was compared, matched or not, says nothing then, nor do an error or a view that could not read the refusal.
    One that was late, or that a primary which raised stands beside, is its own doing.
    """
    if lack is None or verdict not in (Verdict.MATCHED, Verdict.DIVERGED, Verdict.FAILED):
        return None
    if primary.state != "done" or primary.failure is not None:
        return None
    return lack if lack.explains(primary.refusal or Refusal.NONE) else None


def _is_too_large(primary: object) -> bool:
    if type(primary) is Deferred:
        try:
            primary.load()
        except BodyTooLarge:
            return True
    return False


def read_error(exc: BaseException, view: View | None, config: ShadowConfig, side: str) -> ReadError:
    """What is kept of what a side of a call has raised. At once, since no exception may be kept."""
    if is_a(exc, BodyTooLarge):
        view = None
    try:
        told: object = exc
        if view is not None:
            told = viewed_error(view, exc, config.max_copied_bytes, of_caller=side == "primary")
        if is_a(told, BaseException):
            return config.comparison.raised(told), None, None
    except BaseException as broken:
        if passing_error(broken) is not None:
            raise
        what = "error" if view is None else "error_view"
        return None, compare_failure(f"the {side}'s {what}", broken), None
    return None, None, told


def compare_failure(stage: str, exc: BaseException) -> ShadowFailure:
    """The failure of the migration's own code between the two sides."""
    type_name, message = describe_error(exc)
    return ShadowFailure(FailureKind.COMPARE_RAISED, type_name, f"{stage}: {message}"[:MESSAGE_LIMIT])


def _compare_answers(
    primary: Any, answer: Any, config: ShadowConfig, view: View | None, ignores: Ignores | None
) -> Judgement | Large:
    primary = loaded(primary)
    if type(primary) is Deferred:
        try:
            primary = primary.load()
        except BodyTooLarge:
            return ABANDONED
    if view is not None:
        try:
            answer = view(answer)
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            return Verdict.FAILED, None, compare_failure("the shadow's view", exc)
    prefix = shared_prefix(primary, answer)
    if _is_large(primary, answer, config, prefix):
        return Large(primary, answer)
    if prefix is None:
        return judgement_of(Divergence.compare(primary, answer, config), primary, answer, ignores)
    return judgement_of(config.comparison.divergence_of(primary, answer, prefix), primary, answer, ignores)


def judgement_of(divergence: Divergence | None, primary: Any, shadow: Any, ignores: Ignores | None) -> Judgement:
    """Of two answers that were compared."""
    if divergence is None:
        return MATCHED
    if ignores is not None:
        try:
            if ignores(primary, shadow):
                return IGNORED
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            return Verdict.FAILED, None, compare_failure("ignore_if", exc)
    return Verdict.DIVERGED, divergence, None


def _is_large(primary: object, shadow: object, config: ShadowConfig, prefix: int | None) -> bool:
    """Does it take long to compare them? Equal bodies do not, nor do those that are compared byte by byte."""
    ours, theirs = comparable_size(primary), comparable_size(shadow)
    if ours is None or theirs is None or ours + theirs < config.large_body:
        return False
    rules = config.comparison
    return config.compare is None and config.decode and rules.body and not same_body(primary, shadow, prefix)


def _cut_by_others(ran: RunFacts, closing: bool) -> bool:
    if ran.cut == "late_loop":
        return True
    return closing and (ran.cut == "other" or ran.seconds is None)


def _timeout_failure(ran: RunFacts, config: ShadowConfig) -> ShadowFailure:
    message = f"no answer within {config.shadow_timeout:g} s"
    raised = ran.error if ran.state == "failed" else None
    also = ran.crash or (None if raised is None else (raised.name, raised.message))
    if also is not None:
        message += "; then {}: {}".format(*also)
    return ShadowFailure(FailureKind.TIMED_OUT, "TooSlowError", message[:MESSAGE_LIMIT])
