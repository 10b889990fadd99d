"""From what is known of a leg to its verdict. Pure: what happened is told in words and flags, never in exceptions.

The order of the questions is the order of precedence: a caller that went away before anything, then the deadline, then
what the closing shadower did, then the shadow's own faults, then the comparison.
"""

from __future__ import annotations

import enum
from typing import Any, TypeAlias

import attrs

from ._model.errors import MESSAGE_LIMIT, BodyTooLarge, ErrorShape, ErrorWords, describe_error, passing_error
from ._model.sizes import comparable_size
from ._model.snapshot import Copied, Deferred, Packed
from ._model.verdict import FailureKind, ShadowFailure, Verdict
from ._settings.config import ShadowConfig
from .compare import Comparison, Divergence, ErrorDiff, same_at_once, same_body

Judgement: TypeAlias = tuple[Verdict, Divergence | None, ShadowFailure | None]


@attrs.frozen
class Large:
    """In place of a judgement: these two are to be compared elsewhere, since that takes long."""

    primary: Any
    shadow: Any


class PrimarySide(enum.Enum):
    """What the caller has told."""

    PENDING = enum.auto()
    DONE = enum.auto()
    RAISED = enum.auto()
    ABANDONED = enum.auto()


class ShadowSide(enum.Enum):
    """How the shadow's own code ended."""

    RUNNING = enum.auto()
    ANSWERED = enum.auto()
    FAILED = enum.auto()
    CANCELLED = enum.auto()
    """Nothing but Cancelled came out of it."""


class Cut(enum.Enum):
    """What cancelled the shadow while it was running."""

    NONE = enum.auto()
    DEADLINE = enum.auto()
    LATE_LOOP = enum.auto()
    """The deadline, but Trio looked at it so late that the shadow can't be blamed: see `ActiveLeg.interrupted`."""
    OTHER = enum.auto()
    """The closing shadower, or the shadow itself."""


# Bound once: reading a member off its class costs 0.1 µs on Python 3.11, and each leg is judged.
_PENDING, _DONE, _RAISED, _ABANDONED = PrimarySide
_RUNNING, _ANSWERED, _FAILED, _CANCELLED = ShadowSide
_UNCUT, _BY_DEADLINE, _BY_LATE_LOOP, _BY_OTHERS = Cut
_MATCHED, _DIVERGED = Verdict.MATCHED, Verdict.DIVERGED


class LegFacts:
    """What is known of a leg. `ActiveLeg` sets all of it."""

    __slots__ = (
        *("answer", "config", "crash", "cut", "error", "gave_way", "own_failure", "primary", "primary_error"),
        *("primary_failure", "primary_value", "shadow", "shadow_seconds"),
    )

    config: ShadowConfig
    primary: PrimarySide
    primary_value: Any
    """Of the primary's answer what is to be compared, perhaps `Packed`, `Copied` or `Deferred`."""
    primary_error: ErrorWords | None
    """If it raised."""

    shadow: ShadowSide
    answer: Any
    """The shadow's, if it answered."""
    error: ErrorWords | None
    """Of what the shadow raised, Cancelled included."""
    shadow_seconds: float | None
    """None: the shadow was never entered."""
    cut: Cut
    crash: tuple[str, str] | None
    """Type name and message of what came out of the call's nursery besides Cancelled."""

    own_failure: ShadowFailure | None
    """Of the code between the sides: a copy or a view."""
    primary_failure: ShadowFailure | None
    """The same, if it was on the primary's side."""
    gave_way: bool
    """Was the shadow's answer dropped, since there was no room for it?"""

    secondary = False
    """Is it the secondary that is compared, another copy of the primary, whose answers have the primary's shape?"""


def is_plain_match(facts: LegFacts) -> bool:
    """Are both answers plain values, and the same? Nearly always, where answers are values. Runs no code of others."""
    return (
        facts.primary is _DONE
        and facts.shadow is _ANSWERED
        and same_at_once(facts.primary_value, facts.answer)
        and facts.config.plain
        and facts.crash is None
        and facts.cut is _UNCUT
        and facts.own_failure is None
        and not facts.gave_way
    )


def judge(facts: LegFacts, *, closing: bool) -> Judgement | Large:
    """The verdict, with the divergence or failure. `closing`: the shadower has cancelled its legs.

    Runs the shadow's view and the comparison; what the latter raises is raised.
    """
    if facts.primary is _ABANDONED or facts.gave_way:
        return Verdict.ABANDONED, None, None
    if facts.cut is _BY_DEADLINE:
        return Verdict.TIMED_OUT, None, _timeout_failure(facts)
    if facts.shadow is not _ANSWERED and _cut_by_others(facts, closing):
        return Verdict.ABANDONED, None, None
    if facts.crash is not None:
        # What the shadow's code gave is void: it did not leave its task in order.
        return Verdict.FAILED, None, ShadowFailure(FailureKind.RAISED, *facts.crash)
    if facts.primary is _PENDING:
        return Verdict.ABANDONED, None, None
    if facts.own_failure is not None and facts.error is None:
        return Verdict.FAILED, None, facts.own_failure
    if facts.primary_error is not None:
        divergence = _compare_errors(facts.primary_error, facts.error, facts.config.comparison)
        return (_MATCHED if divergence is None else _DIVERGED), divergence, None
    if facts.error is not None:
        shape, type_name, message = facts.error
        if not issubclass(shape[0][0], BodyTooLarge):
            return Verdict.FAILED, None, ShadowFailure(FailureKind.RAISED, type_name, message)
        if _is_too_large(facts.primary_value):
            return Verdict.ABANDONED, None, None
        return Verdict.FAILED, None, ShadowFailure(FailureKind.TOO_LARGE, type_name, message)
    return _compare_answers(facts)


def _is_too_large(primary: object) -> bool:
    if type(primary) is Deferred:
        try:
            primary.load()
        except BodyTooLarge:
            return True
    return False


def compare_failure(stage: str, exc: BaseException) -> ShadowFailure:
    """The failure of the migration's own code between the two sides."""
    type_name, message = describe_error(exc)
    return ShadowFailure(FailureKind.COMPARE_RAISED, type_name, f"{stage}: {message}"[:MESSAGE_LIMIT])


def _compare_answers(facts: LegFacts) -> Judgement | Large:
    primary, shadow, config = facts.primary_value, facts.answer, facts.config
    if type(primary) is Packed or type(primary) is Copied:
        primary = primary.load()
    elif type(primary) is Deferred:
        try:
            primary = primary.load()
        except BodyTooLarge:
            return Verdict.ABANDONED, None, None
    view = config.primary_view if facts.secondary else config.shadow_view
    if view is not None:
        try:
            shadow = view(shadow)
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            return Verdict.FAILED, None, compare_failure("the shadow's view", exc)
    if _is_large(primary, shadow, config):
        return Large(primary, shadow)
    return judgement_of(Divergence.compare(primary, shadow, config))


def judgement_of(divergence: Divergence | None) -> Judgement:
    """Of two answers that were compared."""
    return (_MATCHED if divergence is None else _DIVERGED), divergence, None


def _is_large(primary: object, shadow: object, config: ShadowConfig) -> bool:
    """Does it take long to compare them? Equal bodies do not, nor do those that are compared byte by byte."""
    ours, theirs = comparable_size(primary), comparable_size(shadow)
    if ours is None or theirs is None or ours + theirs < config.large_body:
        return False
    rules = config.comparison
    return config.compare is None and config.decode and rules.body and not same_body(primary, shadow)


def _compare_errors(primary: ErrorWords, shadow: ErrorWords | None, rules: Comparison) -> Divergence | None:
    shape, name, message = primary
    if shadow is None:
        return Divergence(error=ErrorDiff(name, None, message, ""))
    shadow_shape, shadow_name, shadow_message = shadow
    if _same_shape(shape, shadow_shape, rules) and (message == shadow_message or not rules.strict_errors):
        return None
    return Divergence(error=ErrorDiff(name, shadow_name, message, shadow_message))


def _same_shape(primary: ErrorShape, shadow: ErrorShape, rules: Comparison) -> bool:
    return len(primary) == len(shadow) and all(
        members == their_members and rules.same_error(kind, their_kind)
        for (kind, members), (their_kind, their_members) in zip(primary, shadow, strict=True)
    )


def _cut_by_others(facts: LegFacts, closing: bool) -> bool:
    if facts.cut is _BY_LATE_LOOP:
        return True
    return closing and (facts.cut is _BY_OTHERS or facts.shadow_seconds is None)


def _timeout_failure(facts: LegFacts) -> ShadowFailure:
    message = f"no answer within {facts.config.shadow_timeout:g} s"
    also = facts.crash or (facts.error[1:] if facts.error is not None and facts.shadow is _FAILED else None)
    if also is not None:
        message += "; then {}: {}".format(*also)
    return ShadowFailure(FailureKind.TIMED_OUT, "TooSlowError", message[:MESSAGE_LIMIT])
