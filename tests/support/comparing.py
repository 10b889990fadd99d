"""Comparing two values by these rules, in one word."""

from __future__ import annotations

from trioshadow import Divergence, ShadowConfig


def compare(primary, shadow, *rules, **settings):
    return Divergence.compare(primary, shadow, ShadowConfig(ignore=rules, **settings))


def found(primary, shadow, *rules, **settings):
    """What is found, as (kind, path), in order."""
    divergence = compare(primary, shadow, *rules, **settings)
    if divergence is None:
        return []
    assert divergence.body.change_count == len(divergence.body.changes)
    return [(change.kind.value, change.path) for change in divergence.body.changes]
