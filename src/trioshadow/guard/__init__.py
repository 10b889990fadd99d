"""Ways to keep a candidate from hurting: a blocking one goes to threads of its own."""

from __future__ import annotations

from ._sync import SyncBackend

__all__ = ["SyncBackend"]
