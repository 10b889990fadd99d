"""How often a property is tried, told from the profile that conftest.py has loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import hypothesis


def tried(times: int, **more: int) -> hypothesis.settings:
    """So many times as many examples as the profile says."""
    return hypothesis.settings(max_examples=times * hypothesis.settings.default.max_examples, **more)


@contextlib.contextmanager
def own_profile() -> Iterator[None]:
    """What loads a profile of its own loads it for this long."""
    hypothesis.settings.register_profile("before", hypothesis.settings.default)
    try:
        yield
    finally:
        hypothesis.settings.load_profile("before")
