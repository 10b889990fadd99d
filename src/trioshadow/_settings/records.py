"""What is logged and streamed of a call, and what it keeps of the request and the answers. Pure data."""

from __future__ import annotations

from typing import Any

import attrs

from trioshadow._model.keys import shown_key
from trioshadow._model.record import hidden
from trioshadow._model.verdict import ShadowFailure, Verdict
from trioshadow.compare import Divergence

#: The name of an operation keeps this many characters.
OPERATION_LIMIT = 256


@attrs.frozen
class Captured:
    """The request and the answers of a call as plain values, cut: kept only where `ShadowConfig.capture` asks for it.

    Bytes and texts are themselves; an HTTP request is a dict of `method`, `url`, `headers` (pairs) and `body`, a
    ResponseRecord one of `status`, `headers` and `body`, either with `cut` (the body's whole size) if that was cut; any
    other value is the text of its JSON.
    """

    request: Any = attrs.field(default=None, repr=hidden)
    """None: not asked for."""
    primary: Any = attrs.field(default=None, repr=hidden)
    """As it was compared, after its view. None: not asked for, or it raised."""
    shadow: Any = attrs.field(default=None, repr=hidden)
    """As it came. None: not asked for, or there is none."""


def _in_short(part: object) -> str:
    """Of a divergence its line for logs, of a failure its type: no value, no message."""
    if isinstance(part, ShadowFailure):
        return f"<{part.kind.value}: {part.type_name}>"
    return "None" if part is None else f"<{part}>"


@attrs.frozen
class DivergenceRecord:
    """What is logged and streamed of a call that diverged, failed or timed out.

    Its repr can go into a log: it has names, places and times, and neither the key nor a value or a message.
    """

    key: bytes = attrs.field(repr=hidden)
    """The first 256 bytes of the sampling key; empty if the request has none and all calls are mirrored."""
    operation: str
    """What the caller named it."""
    verdict: Verdict
    """DIVERGED, FAILED or TIMED_OUT."""
    divergence: Divergence | None = attrs.field(repr=_in_short)
    """Not None if DIVERGED."""
    failure: ShadowFailure | None = attrs.field(repr=_in_short)
    """Not None if FAILED or TIMED_OUT."""
    at: float
    """When it was recorded: wall clock, seconds since the epoch."""
    primary_seconds: float | None
    """From `start()` to the primary's answer, on Trio's clock; None if the leg ended first. Of a mirrored function that
    is not async: of the function alone, as of an isolation backend."""
    shadow_seconds: float | None
    """From the start of the shadow's task to its end, on Trio's clock; None if it never started. Of a backend of
    `trioshadow.isolation`: of the function alone, timed where it ran, without the wait for a place and the way there
    and back. Of a call that timed out: all that it was given."""
    epoch: str = ""
    """Which candidate, and by which rules: `ShadowConfig.epoch_id`."""
    captured: Captured | None = None
    """What `ShadowConfig.capture` asked for."""
    withheld: tuple[str, ...] = ()
    """Names of headers with credentials that the shadow's copy of the request lacked, if that explains the difference:
    an HTTP edge withheld them, and the shadow refused. Empty for a difference of the shadow's own."""
    context: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=hidden)
    """Names and values that the caller gave, or `ShadowConfig.context`: `dict(record.context)["tenant"]`."""

    @property
    def key_text(self) -> str:
        """The key as the request that it is, for people: `GET /users/1`. It may be as secret as the key."""
        return shown_key(self.key)
