"""The pytest plugin of trioshadow: a test run that fails where something diverged, and what diverged as a fixture.

A module of its own beside the package, because pytest imports it in every project whose environment has trioshadow, and
the package takes a fifth of a second. It is imported where a test asks for it, or the run as a whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from trioshadow import DivergenceRecord

_ALLOWED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option, and the setting that does the same."""
    text = "Fail each test in whose time a trioshadow.Shadower records a divergence, a failure or a timeout."
    parser.getgroup("trioshadow").addoption("--raise-on-divergence", action="store_true", help=text)
    parser.addini("raise_on_divergence", text, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """The marker; and what watches the run, if that is wanted."""
    config.addinivalue_line(
        "markers", "divergences_allowed: with --raise-on-divergence: this test may have shadowers that diverge."
    )
    if config.getoption("raise_on_divergence") or config.getini("raise_on_divergence"):
        watch = _Watch()
        config.pluginmanager.register(watch, "trioshadow-watch")
        config.add_cleanup(watch.close)


@pytest.fixture
def shadow_records(request: pytest.FixtureRequest) -> Iterator[list[DivergenceRecord]]:
    """The records that any shadower of this process has made since this fixture was set up, the first 1,000: what
    diverged, failed or timed out.

    A list that grows while the test runs. Who asks for it looks at the divergences: the test may have some, also with
    `--raise-on-divergence`.
    """
    from trioshadow.testing import Collector, collecting

    request.node.stash[_ALLOWED] = True
    collector = Collector()
    with collecting(collector):
        yield collector.records


class _Watch:
    """The watcher of one run: what is recorded in the time of a phase of a test, and what outside of all."""

    def __init__(self) -> None:
        from trioshadow.testing import Collector, collecting

        self._of_test = Collector()
        self._outside = Collector()
        self._collecting = collecting
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(collecting(self._outside))

    def close(self) -> None:
        self._stack.close()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, Any, Any]:
        with self._collecting(self._of_test):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        return (yield from self._watched(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        return (yield from self._watched(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        return (yield from self._watched(item))

    def _watched(self, item: pytest.Item) -> Generator[None, Any, Any]:
        try:
            result = yield
        except BaseException:
            self._of_test.taken()  # the test has failed already, and says why
            raise
        error = self._of_test.error()
        if error is not None and not (
            item.stash.get(_ALLOWED, False) or item.get_closest_marker("divergences_allowed")
        ):
            pytest.fail(str(error), pytrace=False)
        return result

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._outside.count and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        error = self._outside.error()
        if error is not None:
            terminalreporter.section("divergences outside of any test", red=True)
            terminalreporter.write_line(str(error))
