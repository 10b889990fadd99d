"""The most that looks at a scorecard have seen: a decision does not come and go with what it rests on."""

from __future__ import annotations

import math

import attrs


@attrs.define
class Kept:
    """The most, at any look, that speaks for a field being clean, and for its being regressed: log-wealths.

    An e-process that once was high enough has decided. Without this a decision would come and go with what it rests on.
    It is forgotten when nothing of that is left: when all that was counted, what came since included, speaks for the
    opposite no less. So what was clean by night is not clean for ever, and a bad hour can be made up for.
    """

    clean: float = -math.inf
    """By calls and keys."""
    again: float = -math.inf
    """By keys that were asked again."""
    regressed: float = -math.inf
    blocks: float = -math.inf
    """That it is worse in more blocks of time than the other side."""

    def look(self, name: str, wealth: float) -> float:
        """The most that was seen of this one, with what is seen now."""
        most: float = max(getattr(self, name), wealth) if wealth > 0 else wealth
        setattr(self, name, most)
        return most
