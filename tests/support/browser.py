"""A real browser for the tests: Debian's Chromium, headless, driven by playwright."""

from __future__ import annotations

import contextlib
import os
import shutil

import pytest

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")


def path_of_chromium():
    """Where it is. Without one the tests are skipped, but not in CI."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        told = "needs Chromium: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    return found


@contextlib.contextmanager
def chromium():
    """A browser. It runs as whoever runs the tests, and its own sandbox refuses root."""
    from playwright.sync_api import sync_playwright

    path = path_of_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
