"""What holds for all tests: the tiers, how long a property is tried, and that no default is a deadline."""

from __future__ import annotations

import gc

import httpx
import httpx2
import hypothesis
import pytest

from trioshadow import ShadowConfig

pytest.register_assert_rewrite("tests.support")  # which must be said before it is imported

from tests.support.portable import TOO_LONG  # noqa: E402

# How long an example takes says more about the machine than about the code: no profile has a deadline.
#: `nox -s tests`: few examples, and the same ones each time, so that who tries the library sees what we saw.
hypothesis.settings.register_profile("short", deadline=None, max_examples=20, derandomize=True, database=None)
#: `nox -s tests_all`: five times as many, and the same ones too: what lands must not hang on a throw of dice. Others
#: are drawn in a quiet hour: `nox -s tests -- --hypothesis-profile=fuzz tests/...`
hypothesis.settings.register_profile("long", deadline=None, max_examples=100, derandomize=True, database=None)
#: What a reader of a page has, who has made no settings.
hypothesis.settings.register_profile("page", deadline=None, max_examples=100, derandomize=True, database=None)
#: `nox -s fuzz`
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=5_000)
hypothesis.settings.load_profile("short")

#: Seconds that a slow test may take before it counts as hung; the others' are in pyproject.toml. On a machine with
#: nothing else to do they take a tenth of it.
SLOW_TIMEOUT = 900

_LEFT_OUT = "trioshadow_left_out"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    # What is there by now stays: a hundred thousand objects that each full collection would look at again.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_default_is_a_deadline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long something takes on the real clock says more about the machine than about the code: where an async test
    names no deadline there is none that a busy machine could miss.
    """
    if not request.node.get_closest_marker("trio"):
        return
    # Steps of shadows are timed on the real clock in each test.
    monkeypatch.setitem(ShadowConfig.__init__.__kwdefaults__, "max_step", TOO_LONG)
    if "autojump_clock" in request.fixturenames or "mock_clock" in request.fixturenames:
        return
    for name in ("shadow_timeout", "drain_timeout"):
        monkeypatch.setitem(ShadowConfig.__init__.__kwdefaults__, name, TOO_LONG)
    for client in (httpx.AsyncClient, httpx2.AsyncClient):
        monkeypatch.setitem(client.__init__.__kwdefaults__, "timeout", TOO_LONG)


class _LeftOut:
    """Counts the tests that a run left out, also where the workers of pytest-xdist collect them."""

    def __init__(self) -> None:
        self.count = 0

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.count += sum(item.get_closest_marker("slow") is not None for item in items)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_LEFT_OUT] = self.count

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        # Each worker collects all tests.
        self.count = max(self.count, getattr(node, "workeroutput", {}).get(_LEFT_OUT, 0))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.count:
            terminalreporter.section("left out")
            terminalreporter.line(
                f"{self.count} slow tests: benchmarks, demos, browsers, long runs, kill -9. `nox -s tests -- -m slow` "
                "runs them, `nox -s tests_all` all tests, on the oldest Python."
            )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_LeftOut())
