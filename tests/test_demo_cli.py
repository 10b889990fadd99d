"""The command line from the outside: each test runs `python -m trioshadow` in a process of its own."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from importlib.metadata import version

import pytest

ESCAPE = "\x1b"


def environment(**changes):
    names = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "PYTHONWARNINGS")
    # Nor is it measured: the demo has worker threads, and once in some hundred runs a process hung for ever in the lock
    # that coverage 7.17's tracer takes (`Collector.lock_data`, on Python 3.11).
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in names and not name.startswith(("COVERAGE_", "COV_CORE_"))
    }
    return {**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **changes}


def run(*arguments, **changes):
    return subprocess.run(
        [sys.executable, "-m", "trioshadow", *map(str, arguments)],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=environment(**changes),
        timeout=60,
    )


def run_on_terminal(*arguments, **changes):
    """Both streams on one pseudo terminal; its text."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "trioshadow", *map(str, arguments)]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs, env=environment(**changes)) as process:
        os.close(theirs)
        output = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # what Linux says when the other end is closed
                break
            if not part:
                break
            output += part
    os.close(ours)
    assert process.returncode == 0
    return output.decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    (folder / "good.md").write_text("# Title\n\nSome *text*.\n\n```\ncode\n\nmore code\n```\n")
    (folder / "quote.md").write_text("`it's` a quote in code, which marko writes in another way\n")
    deep = folder / "sub" / ("a-very-long-folder-name-" * 4)
    deep.mkdir(parents=True)
    (deep / "日本.markdown").write_text(
        "`'日本' \x1b[2J` is no control sequence on the screen\n\n- a\n- b\n", encoding="utf-8"
    )
    (folder / "no-markdown.py").write_text("it's")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "hidden.md").write_text("it's")
    return folder


@pytest.fixture(scope="module")
def whole_run(folder):
    return run("demo", folder)


def test_the_demo_succeeds_and_says_how_much_it_did(whole_run):
    assert whole_run.returncode == 0
    assert "3 documents" in whole_run.stdout
    assert "7 blocks" in whole_run.stdout
    assert re.search(r"markdown-it-py +9 +9 +0 +0 +0 +0 +0 of 3\n", whole_run.stdout)
    assert re.search(r"marko +9 +6 +3 +0 +0 +0 +2 of 3\n", whole_run.stdout)


def test_it_ends_the_comparison_with_a_sentence_for_each_candidate(whole_run):
    words = " ".join(whole_run.stdout.split())
    assert "markdown-it-py: 0 of 9 calls differ. Here it is a drop-in for commonmark." in words
    assert "marko: 3 of 9 calls differ, in 2 of 3 documents. It is not a drop-in." in words


def test_an_example_has_its_key_and_the_lines_that_differ(whole_run):
    lines = whole_run.stdout.splitlines()
    first = next(n for n, line in enumerate(lines) if "quote.md · block 1" in line)
    assert lines[first + 1] == "  body (text): 1 change"
    assert lines[first + 2] == "    line 1"
    assert lines[first + 3].startswith("      - <p><code>it's</code>")
    assert lines[first + 4].startswith("      + <p><code>it&#x27;s</code>")


def test_the_isolation_panel_has_a_row_for_each_harm_and_for_computing(whole_run):
    for what, became in [
        (r"slow \(1 s\)", "600 matched"),
        (r"hung \(for ever\)", "600 timed out"),
        (r"failing \(raises\)", "600 failed"),
        ("on callers' loop", r"\d+ matched"),
        ("in a thread", r"\d+ matched"),
    ]:
        assert re.search(rf"^{what}( +[\d.,]+){{6}}  ?{became}", whole_run.stdout, re.MULTILINE), what


def test_output_is_plain_and_narrow_when_it_is_no_terminal(whole_run):
    for stream in (whole_run.stdout, whole_run.stderr):
        assert ESCAPE not in stream  # the one in the document neither
        assert max(map(len, stream.splitlines())) <= 80
    assert "commonmark against marko ..." in whole_run.stderr


def test_a_terminal_gets_colours_and_a_bar_but_not_with_no_color(folder):
    arguments = ("demo", folder / "quote.md", "--candidate", "marko", "--harm", "failing")
    assert f"{ESCAPE}[31m" in run_on_terminal(*arguments)
    plain = run_on_terminal(*arguments, NO_COLOR="1")
    assert ESCAPE not in plain
    assert "failing (raises)" in plain
    assert "slow (1 s)" not in plain  # only what was asked for


def test_a_terminal_without_utf_8_is_no_reason_to_fail(folder):
    done = run("demo", folder, "--candidate", "mistune", "--harm", "failing", PYTHONIOENCODING="ascii", COLUMNS="40")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "--candidate", "nope"], 'Invalid value "nope" for --candidate'),
        (["demo", "--harm", "nope"], 'Invalid value "nope" for --harm'),
        (["demo", "--candidate"], "requires an argument"),
        (["demo", "--nope"], "--nope"),
        (["nope"], "nope"),
        (["demo", "/no/such/folder"], "no such file or folder: /no/such/folder"),
        (["demo", "/dev/null"], "neither a file nor a folder: /dev/null"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(arguments, words):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("trioshadow: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_input_without_text_is_wrong_use(tmp_path):
    assert "no Markdown files" in run("demo", tmp_path).stderr
    (tmp_path / "empty.md").write_text("\n")
    done = run("demo", tmp_path)
    assert (done.returncode, "there is no text" in done.stderr) == (2, True)


@pytest.mark.parametrize(("library", "extra"), [("marko", "demo"), ("rich", "demo"), ("cyclopts", "demo")])
def test_a_missing_library_is_one_line_that_names_the_extra(tmp_path, library, extra):
    # A file that is found first, and raises what Python raises for a module that is not there.
    (tmp_path / f"{library}.py").write_text(f"raise ModuleNotFoundError(name={library!r})")
    done = run("demo", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (
        2,
        f"trioshadow: this needs {library}: pip install 'trioshadow[{extra}]'\n",
    )


def test_without_arguments_it_shows_help():
    for arguments in ([], ["--help"]):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert "demo" in done.stdout
        assert "Usage: python -m trioshadow" in done.stdout
    assert "--candidate" in run("demo", "--help").stdout


def test_version_is_that_of_the_distribution():
    assert run("--version").stdout == version("trioshadow") + "\n"


def test_ctrl_c_ends_it_quickly_and_quietly(folder):
    command = [sys.executable, "-m", "trioshadow", "demo", str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment()}
    # A shell ignores Ctrl-C for what it runs in the background, and that is inherited: not by this one.
    with subprocess.Popen(command, preexec_fn=_listen_to_ctrl_c, **pipes) as process:
        assert process.stderr is not None
        while b"measuring" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == b""


def _listen_to_ctrl_c():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
