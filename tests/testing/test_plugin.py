"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import pytest

from trioshadow._accounts import observers as _observers

pytest_plugins = ["pytester"]

HELPERS = """
import trio, pytest
from trioshadow import Shadower, ShadowConfig

async def one(request): return 1
async def two(request): return 2

async def mirror():
    async with Shadower(one, two) as shadower:
        await shadower.call(b"k", operation="op")
        await shadower.wait_idle()

def diverge():
    trio.run(mirror)
"""


@pytest.fixture
def run(pytester):
    """Run pytest on these tests; the outcomes, and the result."""

    def run(source, *args, ini=""):
        pytester.makeini("[pytest]\naddopts = -p no:cacheprovider --strict-markers\nfilterwarnings = error\n" + ini)
        pytester.makepyfile(helpers=HELPERS)
        pytester.makepyfile("from helpers import *\n" + source)
        result = pytester.runpytest(*args)
        assert not _observers._observers  # nobody goes on watching
        return result

    return run


TWO = """
def test_diverges(): diverge()
def test_matches(): trio.run(one, None)
"""


def test_without_the_option_nothing_is_raised(run):
    run(TWO).assert_outcomes(passed=2)


@pytest.mark.parametrize("how", [{"args": ["--raise-on-divergence"]}, {"ini": "raise_on_divergence = true"}])
def test_a_test_in_whose_time_something_diverges_fails(run, how):
    result = run(TWO, *how.get("args", []), ini=how.get("ini", ""))
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["1 call diverged, failed or timed out", "", "call of op, key k", "body*", "*- 1", "*+ 2"]
    )
    result.stdout.no_fnmatch_line("*outside of any test*")
    result.stdout.no_fnmatch_line("*_trioshadow_pytest.py*")  # the traceback is none of the user's


def test_what_diverges_in_a_fixture_is_an_error_of_its_phase(run):
    result = run(
        """
@pytest.fixture
def before(): diverge()

@pytest.fixture
def after():
    yield
    diverge()

def test_a(before): pass
def test_b(after): pass
def test_c(): pass
""",
        "--raise-on-divergence",
    )
    result.assert_outcomes(errors=2, passed=2)


def test_a_failure_of_the_tests_own_wins(run):
    result = run(
        """
@pytest.fixture
def fine(): yield
def test_fails(fine):
    diverge()
    assert "mine" == "yours"
def test_skips():
    diverge()
    pytest.skip()
""",
        "--raise-on-divergence",
    )
    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.no_fnmatch_line("*diverged*timed out*")


def test_a_marked_test_may_diverge(run):
    result = run("@pytest.mark.divergences_allowed\n" + TWO, "--raise-on-divergence")
    result.assert_outcomes(passed=2)
    assert result.ret == 0


def test_a_test_that_looks_at_its_records_may_diverge(run):
    result = run(
        """
def test_looks(shadow_records):
    assert shadow_records == []
    diverge()
    assert [(record.operation, record.key) for record in shadow_records] == [("op", b"k")]

@pytest.fixture
def later():
    yield
    diverge()

def test_looks_first(later, shadow_records): pass
def test_does_not_look(): diverge()
""",
        "--raise-on-divergence",
    )
    result.assert_outcomes(passed=2, failed=1)


def test_the_fixture_needs_no_option(run):
    run("def test_looks(shadow_records):\n    diverge()\n    assert len(shadow_records) == 1").assert_outcomes(passed=1)


def test_the_traceback_of_an_assertion_ends_in_the_test(run):
    result = run(
        """
from hypothesis import settings, strategies as st
from trioshadow.testing import assert_equivalent
def test_list(): assert_equivalent(str, repr, ["x"])
def test_strategy(): assert_equivalent(str, repr, st.just("x"), settings=settings(database=None))
"""
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["E *NotEquivalentError: the shadow differs for 1 of 1 request"])
    for file in ("_equivalent.py", "_property.py", "_comparing.py"):
        result.stdout.no_fnmatch_line(f"*{file}*")


def test_a_block_inside_of_a_test_takes_its_own(run):
    result = run(
        """
from trioshadow.testing import NotEquivalentError, assert_equivalent, raise_on_divergence
def test_block():
    with pytest.raises(NotEquivalentError), raise_on_divergence():
        diverge()
    with pytest.raises(NotEquivalentError):
        assert_equivalent(str, repr, ["x"])
""",
        "--raise-on-divergence",
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("test", ["def test_passes(): pass", ""])
def test_what_diverges_outside_of_any_test_fails_the_run(run, pytester, test):
    pytester.makeconftest("from helpers import diverge\ndef pytest_collection_finish(): diverge()")
    result = run(test, "--raise-on-divergence")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*divergences outside of any test*", "1 call diverged*", "call of op, key k"])
    assert run(test).ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def test_a_run_that_failed_anyway_keeps_its_exit_status(run, pytester):
    pytester.makeconftest("from helpers import diverge\ndef pytest_collection_finish(): diverge()")
    result = run("raise SystemError", "--raise-on-divergence")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*divergences outside of any test*"])


def test_with_pytest_trio_a_shadower_of_an_async_fixture_is_seen(run):
    result = run(
        """
@pytest.fixture
async def shadower():
    async with Shadower(one, two) as shadower:
        yield shadower

async def test_diverges(shadower):
    await shadower.call(b"k")
""",
        "--raise-on-divergence",
        ini="trio_mode = true",
    )
    result.assert_outcomes(failed=1)  # in the drain, when the fixture is torn down: in the call, as pytest-trio does it


def test_with_unittest_too(run):
    result = run(
        """
import unittest
class Test(unittest.TestCase):
    def test_diverges(self): diverge()
    def test_matches(self): pass
""",
        "--raise-on-divergence",
    )
    result.assert_outcomes(passed=1, failed=1)


def test_an_idle_plugin_does_not_import_the_library(pytester):
    pytester.makepyfile(
        "import sys\n"
        "def test_it():\n"
        "    assert '_trioshadow_pytest' in sys.modules\n"
        "    assert 'trioshadow' not in sys.modules\n"
    )
    pytester.makeini("[pytest]")  # or it is that of this project, where the temporary folder is inside of it
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:trio").assert_outcomes(passed=1)
