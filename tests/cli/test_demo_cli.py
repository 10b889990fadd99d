"""Both demos as somebody runs them, each in a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess

import pytest

from tests.support.commands import ESCAPE, command, environment, heed_signals, run_on_terminal, run_process

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    (folder / "good.md").write_text("# Title\n\nSome *text*.\n\n```\ncode\n\nmore code\n```\n")
    (folder / "quote.md").write_text("`it's` a quote in code, which marko writes in another way\n")
    deep = folder / "sub" / ("a-very-long-folder-name-" * 4)
    deep.mkdir(parents=True)
    (deep / "日本.md").write_text(
        "`'日本' \x1b[2J` is no control sequence on the screen\n\n- a\n- b\n", encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="module", params=[(), ("--http",)], ids=["library", "http"])
def done(request, folder):
    done = run_process("demo", *request.param, folder, HTTP_PROXY="http://127.0.0.1:1", http_proxy="http://127.0.0.1:1")
    assert done.returncode == 0
    return done


def test_every_call_is_counted(done):
    assert "6 blocks of Markdown from 3 documents" in " ".join(done.stdout.split())
    assert re.search(r"^markdown-it-py +6 +6 +0 +0 +0 +0 of 3$", done.stdout, re.MULTILINE)
    assert re.search(r"^marko +6 +4 +2 +0 +0 +2 of 3$", done.stdout, re.MULTILINE)


def test_an_example_has_its_place_and_both_sides(done):
    lines = done.stdout.splitlines()
    first = next(n for n, line in enumerate(lines) if line.endswith("/日本.md, block 1 (and 1 more like it)"))
    assert lines[first].startswith("  …")
    assert lines[first + 3].lstrip(' -"').startswith("<p><code>'日本'")
    assert lines[first + 4].lstrip(' +"').startswith("<p><code>&#x27;日本&#x27;")


def test_it_ends_with_a_scorecard_for_each_candidate(done):
    good, bad = re.split(r"^marko [\d.]+: ", done.stdout.partition("Is it good enough?")[2], flags=re.MULTILINE)
    assert "markdown-it-py" in good
    assert bad.startswith("HOLD\n")
    assert "differs for 66.67%" in bad or "differs for 33.33% of the keys (2)" in bad


def test_output_is_plain_and_narrow_when_it_is_no_terminal(done):
    for stream in (done.stdout, done.stderr):
        assert ESCAPE not in stream  # the one in the document neither
        assert max(map(len, stream.splitlines())) <= 80
    assert {line[-4:] for line in done.stderr.splitlines()} == {" ..."}  # not a word of the servers


def test_the_isolation_panel_has_a_row_for_each_candidate(folder):
    stdout = run_process("demo", folder).stdout
    for what in ("alone", "alone, again", "slow", "hung", "failing", "computing on the loop", "computing in a thread"):
        assert re.search(rf"^{what} +\d+\.\d +\d+\.\d ", stdout, re.MULTILINE), what


def test_over_http_rules_make_the_noise_vanish_and_the_real_difference_stays(folder):
    stdout = run_process("demo", "--http", folder).stdout
    rows = re.findall(r"^(\$\.\w+) +(\d+)% +(\d+) +(\d+)$", stdout, re.MULTILINE)
    noise = [("$.id", "100", "6", "0"), ("$.rendered_at", "100", "6", "0")]
    assert rows == [*noise, *noise, ("$.html", "0", "2", "2")]


@pytest.mark.parametrize("options", [(), ("--http",)])
def test_a_terminal_gets_colours_but_not_with_no_color(folder, options):
    assert f"{ESCAPE}[31m" in run_on_terminal("demo", *options, folder / "quote.md")
    assert ESCAPE not in run_on_terminal("demo", *options, folder / "quote.md", NO_COLOR="1")


def test_a_terminal_without_utf_8_is_no_reason_to_fail(folder):
    assert run_process("demo", folder, PYTHONIOENCODING="ascii", COLUMNS="40").returncode == 0


@pytest.mark.parametrize(
    ("options", "stage"), [((), b"measuring"), (("--http",), b"without rules"), (("--http",), b"with rules")]
)
def test_ctrl_c_ends_it_quickly_and_quietly(folder, options, stage):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment()}
    with subprocess.Popen(command("demo", *options, folder), preexec_fn=heed_signals, **pipes) as process:
        assert process.stderr is not None
        while stage not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert [line for line in errors.splitlines() if not line.endswith(b" ...")] == []
