"""What became of a call: the verdicts, why one was held back, why a shadow failed. Pure data."""

from __future__ import annotations

import enum

import attrs


class Verdict(enum.Enum):
    """Where a call ended. Each call has exactly one, or none yet while its leg is in flight."""

    slot: int  # in the ledger's list of counters: a list slot costs 26 ns, a dict keyed by an enum 122

    MATCHED = "matched"
    """Both answered the same, or raised the same."""
    DIVERGED = "diverged"
    """Both answered, and not the same; or the primary raised and the shadow did not raise the same."""
    IGNORED = "ignored"
    """They did not answer the same, and `ShadowConfig.ignore_if` said that this call does not count."""
    FAILED = "failed"
    """The shadow raised where the primary answered, or the two could not be compared."""
    TIMED_OUT = "timed_out"
    """The deadline passed before the shadow was done."""
    ABANDONED = "abandoned"
    """There is nothing to compare with, and it is not the shadow's fault: the caller was cancelled, the primary's
    answer was larger than an edge copies, the shadower was closed first, the event loop was so late that it gave the
    shadow no turn before its deadline, or the leg gave way to a limit (`gave_way_by_cause`)."""

    NOT_SAMPLED = "not_sampled"
    """The sampler left this key out."""
    SHED = "shed"
    """There was no room: `max_in_flight`, `max_in_flight_bytes`, or the caller's stack; see `shed_by_cause`."""
    UNKEYED = "unkeyed"
    """The request has no sampling key, or the key function raised."""
    HELD_BACK = "held_back"
    """It must not be mirrored, or can't be: see `HeldBack`."""
    PAUSED = "paused"
    """`Shadower.pause()`, the kill file, or an open breaker; see `paused_by_cause`."""
    CLOSED = "closed"
    """The shadower was not running, or the call came from another run, or a thread whose calls are not mirrored."""

    @property
    def mirrored(self) -> bool:
        """Did the call have a leg?"""
        return self.slot < _MIRRORED


for _slot, _verdict in enumerate(Verdict):
    _verdict.slot = _slot
_MIRRORED = Verdict.NOT_SAMPLED.slot
#: Behind the verdicts, in lists of counters: the legs that have none yet.
IN_FLIGHT = len(Verdict)


class HeldBack(enum.Enum):
    """Why a call was held back; `statistics().held_back_by_cause` has the values as names."""

    IN_SHADOW = "in_shadow"
    """It came from inside a shadow leg, or from a sink: one call must not become thousands."""
    NOT_ALLOWED = "not_allowed"
    """`ShadowConfig.may_mirror`, or the request's own type, says that it has side effects."""
    MARKED = "marked"
    """It is a shadow's copy itself, from another process: it carries the mark."""
    INCOMPLETE = "incomplete"
    """An edge has no whole copy of it: its body was too large, was not read to its end, or came while too many others
    were being copied."""
    NOT_COPIED = "not_copied"
    """The request, where no `copy_request` is given, can't be copied, is too large, or holds what must not be copied:
    what owns something, as a connection does, or can be read once."""


class FailureKind(enum.Enum):
    """Why a shadow gave nothing to compare."""

    RAISED = "raised"
    """The shadow raised."""
    TIMED_OUT = "timed_out"
    """The deadline passed."""
    COMPARE_RAISED = "compare_raised"
    """A copy, a view, or the comparison raised: the migration's own code between the two sides, or a body of the
    primary's that can't be read, or an answer that can be read once; or two answers could not be compared within its
    bounds (`trioshadow.compare.Undecided`)."""
    TOO_LARGE = "too_large"
    """The shadow's answer was larger than the edge allows (`BodyTooLarge`)."""


@attrs.frozen
class ShadowFailure:
    """Why the shadow gave nothing to compare: words only, since an exception object would keep its frames alive."""

    kind: FailureKind
    type_name: str
    """The name of the exception's type."""
    message: str
    """At most 500 characters of its text."""
