"""The command line as such: help, version, wrong use, missing libraries; and what all commands share to show things."""

from __future__ import annotations

import attrs
import pytest

from trioshadow import ShadowConfig, Shadower
from trioshadow.cli.common.errors import CliError, require
from trioshadow.cli.common.scorecard import shortened
from trioshadow.cli.common.texts import shorten_left, shorten_right
from trioshadow.compare import visible
from trioshadow.evidence import Decision, Example, Objective

from tests.support.commands import run, run_process

# ── arguments ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "--nope"], "--nope"),
        (["nope"], "nope"),
        (["demo", "/no/such/folder"], "can't read /no/such/folder: No such file or directory"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(arguments, words):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("trioshadow: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_arguments_it_shows_help():
    for arguments in ([], ["--help"]):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert "demo" in done.stdout
        assert "Usage: python -m trioshadow" in done.stdout
    assert "--http" in run("demo", "--help").stdout


# ── libraries that are not installed ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("library", "extra", "arguments"),
    [
        *(("marko", "demo", ["demo"]), ("rich", "demo", ["demo"]), ("cyclopts", "demo", ["demo"])),
        *(("hypercorn", "demo", ["demo", "--http"]), ("hypercorn", "cli", ["proxy"])),
    ],
)
def test_a_missing_library_is_one_line_that_names_the_extra(tmp_path, library, extra, arguments):
    # A file that is found first, and raises what Python raises for a module that is not there.
    (tmp_path / f"{library}.py").write_text(f"raise ModuleNotFoundError(name={library!r})")
    done = run_process(*arguments, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (
        2,
        f"trioshadow: this needs {library}: pip install 'trioshadow[{extra}]'\n",
    )


def test_a_missing_library_is_named_with_its_extra():
    with pytest.raises(CliError, match=r"no_such_library: pip install 'trioshadow\[demo\]'"):
        require("no_such_library", extra="demo")


def test_an_import_error_inside_a_library_is_not_explained_away(tmp_path, monkeypatch):
    (tmp_path / "broken_library.py").write_text("import no_such_library")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        require("broken_library", extra="demo")


# ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_visible_is_obeyed_by_a_terminal():
    assert visible("a\tb\r\n\x1b[2J\u202e\ud800") == r"a\tb\r\n\u001b[2J\u202e\ud800"


def test_what_is_shortened_says_so():
    assert shorten_right("abcdef", 4) == "abc…"
    assert shorten_left("abcdef", 4) == "…def"
    assert shorten_right("abcd", 4) == shorten_left("abcd", 4) == "abcd"
    assert shorten_right("日本語", 4) == "日…"  # two columns each


async def test_a_scorecard_is_shortened_by_what_is_said_elsewhere():
    async def other(_):
        return b"other"

    async def same(_):
        return b"same"

    config = ShadowConfig(noise_rate=1)
    objective = Objective(block_seconds=None, block_calls=10)
    async with Shadower(same, other, config, secondary=same, objective=objective) as shadower:
        for number in range(100):
            await (await shadower.call(b"%d" % number)).wait_settled()
        await shadower.wait_idle()
        scorecard = shadower.scorecard()
    assert scorecard.decision is Decision.REJECT
    (field,) = scorecard.operations[0].fields
    assert isinstance(field.examples[0], Example)
    assert scorecard.missing
    short = shortened(scorecard)
    assert (short.operations[0].fields[0].examples, short.missing) == ((), ())
    assert (short.reasons, short.not_covered) == (scorecard.reasons, scorecard.not_covered)
    held = attrs.evolve(scorecard, decision=Decision.HOLD)
    assert shortened(held).missing == held.missing
