"""What one side of a call came to, as evidence counts it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from trioshadow._model.verdict import Verdict

from ._places import Told


@attrs.frozen(kw_only=True)
class Observation:
    """What one side of a call, the shadow's or the secondary's, came to."""

    verdict: Verdict
    fields: Mapping[str, Told]
    """In which it differs from the primary, each with an example."""
    seconds: float | None
    """Where it ran, if that is known: without the wait for a place, and the way there and back."""
    cpu_seconds: float | None = None
    """Its own CPU time; None if it is async."""
    queued_seconds: float | None = None
    """How long it waited for a place before that; None if it needs none."""
    withheld: tuple[str, ...] = ()
    """Names of headers that its copy of the request lacked, if that is why it refused. Then nothing was compared."""
    remedy: str = ""
    """What makes them go along."""

    def is_overdue(self, primary_seconds: float | None) -> bool:
        """Did its deadline pass, and the primary took longer than that itself? Then nothing is known of this side."""
        if self.verdict is not Verdict.TIMED_OUT or self.seconds is None or primary_seconds is None:
            return False
        return primary_seconds >= self.seconds

    @property
    def comparable(self) -> bool:
        """Did this side give something to compare? One that failed may or may not have differed in any field."""
        return self.verdict in (Verdict.MATCHED, Verdict.DIVERGED)
