"""Evidence: a stand-in for the room that counts, with the three methods and the keys that the archive knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs


@attrs.frozen
class Evidence:
    """Counts of one epoch."""

    data: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return dict(self.data)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Evidence:
        """What `to_dict()` gave. ValueError if it can't have."""
        if not isinstance(data.get("series"), str):
            raise ValueError("this is no snapshot of evidence: series")  # noqa: TRY004 - it is data
        return cls(data)

    @classmethod
    def merge(cls, parts: Iterable[Evidence]) -> Evidence:
        """The sum of several series of one epoch. ValueError if their epochs differ."""
        parts = list(parts)
        epochs = {str(part.data["epoch"]) for part in parts}
        if len(epochs) != 1:
            raise ValueError(f"evidence of one epoch can be added up, and here is that of: {'; '.join(sorted(epochs))}")
        return cls({**parts[0].data, "calls": sum(part.data.get("calls", 0) for part in parts)})
