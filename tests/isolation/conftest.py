"""What the tests of isolation backends are given."""

from __future__ import annotations

import logging
import threading

import pytest


@pytest.fixture
def release():
    """Ends what blocks in a test; always set in the end, so that no thread is left."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def said(caplog):
    """What the log says, from warnings on."""
    caplog.set_level(logging.WARNING, logger="trioshadow")
    return caplog
