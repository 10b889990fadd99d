"""Epoch: one candidate and one set of rules. Counts of two epochs are about two different things, and never added."""

from __future__ import annotations

import attrs

from trioshadow._settings.fingerprint import epoch_id


@attrs.frozen
class Epoch:
    """What the counts are about."""

    candidate: str = ""
    """`ShadowConfig.candidate`: which version of the new backend."""
    rules: str = ""
    """`ShadowConfig.fingerprint`: what is compared, and how."""

    @property
    def name(self) -> str:
        """As records have it: `ShadowConfig.epoch_id`."""
        return epoch_id(self.candidate, self.rules)

    def __str__(self) -> str:
        return f"{self.candidate or '(unnamed)'}, rules {self.rules or '(none)'}"
