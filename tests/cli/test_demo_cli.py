"""The demo as somebody runs it, in a process of its own; and the command line as such: help, version, wrong use."""

from __future__ import annotations

import re
import signal
import subprocess
from importlib.metadata import version

import pytest

from tests.support.commands import ESCAPE, command, environment, heed_signals, run, run_on_terminal, run_process


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
    return run_process("demo", folder)


@pytest.mark.slow
def test_the_demo_succeeds_and_says_how_much_it_did(whole_run):
    assert whole_run.returncode == 0
    assert "3 documents" in whole_run.stdout
    assert "7 blocks" in whole_run.stdout
    assert re.search(r"markdown-it-py +9 +9 +0 +0 +0 +0 +0 of 3\n", whole_run.stdout)
    assert re.search(r"marko +9 +6 +3 +0 +0 +0 +2 of 3\n", whole_run.stdout)


def cards(stdout):
    """The text of each candidate's scorecard, by its name, at the end of what is shown."""
    _, *parts = re.split(
        r"^(markdown-it-py|marko) [\d.]+: ", stdout.partition("Is it good enough?")[2], flags=re.MULTILINE
    )
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.slow
def test_it_ends_with_a_scorecard_for_each_candidate_by_kind_of_block(whole_run):
    good, bad = cards(whole_run.stdout).values()
    for card in (good, bad):
        assert card.startswith("HOLD\n")
        for kind, calls in (("paragraph", 3), ("list item", 2), ("code", 1), ("heading", 1), ("whole text", 2)):
            assert re.search(rf"^{kind} +(too few|differs) +{calls} +{calls} +{calls} +{calls} ", card, re.MULTILINE)
    assert "paragraph: body differs" not in good
    assert "paragraph: body differs for 66.67% of the keys (2)" in bad


@pytest.mark.slow
def test_it_says_what_an_objective_is_and_that_few_calls_decide_nothing(whole_run):
    words = " ".join(whole_run.stdout.split())
    assert "An objective says what that means, and is yours to choose. Here it is Objective(max_rate=0.1, " in words
    assert "9 calls can hardly decide even that." in words
    assert "drop-in" not in words


@pytest.mark.slow
def test_an_example_has_its_key_and_the_lines_that_differ(whole_run):
    lines = whole_run.stdout.splitlines()
    first = next(n for n, line in enumerate(lines) if "quote.md · block 1" in line)
    assert lines[first + 1] == "  body (text): 1 change"
    assert lines[first + 2] == "    line 1"
    assert lines[first + 3].startswith("      - <p><code>it's</code>")
    assert lines[first + 4].startswith("      + <p><code>it&#x27;s</code>")


@pytest.mark.slow
def test_the_isolation_panel_has_a_row_for_each_harm_and_for_computing(whole_run):
    for what, became in [
        (r"slow \(1 s\)", "600 matched"),
        (r"hung \(for ever\)", "600 timed out"),
        (r"failing \(raises\)", "600 failed"),
        ("on callers' loop", r"\d+ matched"),
        ("in a thread", r"\d+ matched"),
    ]:
        assert re.search(rf"^{what}( +[\d.,]+){{6}}  ?{became}", whole_run.stdout, re.MULTILINE), what


@pytest.mark.slow
def test_output_is_plain_and_narrow_when_it_is_no_terminal(whole_run):
    for stream in (whole_run.stdout, whole_run.stderr):
        assert ESCAPE not in stream  # the one in the document neither
        assert max(map(len, stream.splitlines())) <= 80
    assert "commonmark against marko ..." in whole_run.stderr


@pytest.fixture(scope="module")
def run_over_http(folder):
    return run_process("demo", "--http", folder)


@pytest.mark.slow
def test_over_http_rules_make_the_noise_vanish_and_the_real_difference_stays(run_over_http):
    assert run_over_http.returncode == 0
    _, good, bad = re.split(r"^(?:markdown-it-py|marko) +calls .*\n", run_over_http.stdout, flags=re.MULTILINE)[:3]
    for table in (good, bad):
        for noise in ("$.id", "$.rendered_at"):
            assert re.search(rf"^{re.escape(noise)} +9 +100% +[a-z ]+ +0 *$", table, re.MULTILINE)
    assert "$.html" not in good
    assert re.search(r"^\$\.html +3 +0% +differs +3 +differs *$", bad, re.MULTILINE)


@pytest.mark.slow
def test_over_http_every_call_is_accounted_for(run_over_http):
    assert re.search(r"^markdown-it-py +9 +9 +0 +0 +0 +0 +0 of 3$", run_over_http.stdout, re.MULTILINE)
    assert re.search(r"^marko +9 +6 +3 +0 +0 +0 +2 of 3$", run_over_http.stdout, re.MULTILINE)


@pytest.mark.slow
def test_over_http_an_example_has_its_text_and_both_sides(run_over_http):
    lines = run_over_http.stdout.splitlines()
    first = next(n for n, line in enumerate(lines) if "quote.md · block 1" in line)
    assert lines[first + 1 : first + 3] == ["  body (json): 1 change", "    $['html']"]
    assert lines[first + 3].startswith("      - \"<p><code>it's</code>")
    assert lines[first + 4].startswith('      + "<p><code>it&#x27;s</code>')


@pytest.mark.slow
def test_over_http_the_cost_is_that_of_three_proxies(run_over_http):
    number = r"[\d,]+\.\d"
    assert re.search(rf"^the proxy alone +{number} +{number} *$", run_over_http.stdout, re.MULTILINE)
    for shadow in ("markdown-it-py", "one that hangs"):
        row = rf"^mirroring to {shadow} +{number} +{number} +\d+\.\d\d +\d+\.\d\d$"
        assert re.search(row, run_over_http.stdout, re.MULTILINE), shadow


@pytest.mark.slow
def test_over_http_it_ends_with_scorecards_first_without_the_rules(run_over_http):
    without, _, ruled = run_over_http.stdout.partition("Is it good enough?")[2].partition("\nWith rules:\n")
    assert "marko" in without
    good, bad = cards("Is it good enough?" + ruled).values()
    assert re.search(r"^/render +too few +9 +9 +9 +9 ", good, re.MULTILINE)
    assert "/render: $.html differs for 33.33% of the keys (3)" in bad
    assert "$.id" not in good + bad


@pytest.mark.slow
def test_over_http_output_is_plain_and_narrow_and_without_a_word_of_the_servers(run_over_http):
    for stream in (run_over_http.stdout, run_over_http.stderr):
        assert ESCAPE not in stream
        assert max(map(len, stream.splitlines())) <= 80
        assert "Running on" not in stream
    assert run_over_http.stderr.splitlines() == [
        *("markdown-it-py: without rules ...", "markdown-it-py: with rules ..."),
        *("marko: without rules ...", "marko: with rules ...", "what it costs the client ..."),
    ]


@pytest.mark.slow
def test_over_http_the_proxies_of_the_environment_are_not_asked(folder):
    nowhere = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:1")
    done = run_process("demo", "--http", folder / "quote.md", "--candidate", "marko", **nowhere)
    assert done.returncode == 0
    assert re.search(r"^marko +1 +0 +1 +0 +0 +0 +1 of 1$", done.stdout, re.MULTILINE)


@pytest.mark.slow
def test_a_terminal_gets_colours_and_a_bar_but_not_with_no_color(folder):
    arguments = ("demo", folder / "quote.md", "--candidate", "marko", "--harm", "failing")
    assert f"{ESCAPE}[31m" in run_on_terminal(*arguments)
    plain = run_on_terminal(*arguments, NO_COLOR="1")
    assert ESCAPE not in plain
    assert "failing (raises)" in plain
    assert "slow (1 s)" not in plain  # only what was asked for


@pytest.mark.slow
def test_a_terminal_without_utf_8_is_no_reason_to_fail(folder):
    done = run_process(
        "demo", folder, "--candidate", "mistune", "--harm", "failing", PYTHONIOENCODING="ascii", COLUMNS="40"
    )
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "--candidate", "nope"], '--candidate "nope"'),
        (["demo", "--harm", "nope"], '--harm "nope"'),
        (["demo", "--candidate"], "requires an argument"),
        (["demo", "--nope"], "--nope"),
        (["nope"], "nope"),
        (["demo", "/no/such/folder"], "no such file or folder: /no/such/folder"),
        (["demo", "--http", "--harm", "slow"], "--harm is for the isolation panel"),
        (["demo", "/dev/null"], "neither a file nor a folder: /dev/null"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(arguments, words):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("trioshadow: ")
    for word in words.split():
        assert word in done.stderr
    assert done.stderr.count("\n") == 1


def test_input_without_text_is_wrong_use(tmp_path):
    assert "no Markdown files" in run("demo", tmp_path).stderr
    (tmp_path / "empty.md").write_text("\n")
    done = run("demo", tmp_path)
    assert (done.returncode, "there is no text" in done.stderr) == (2, True)


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


def test_without_arguments_it_shows_help():
    for arguments in ([], ["--help"]):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert "demo" in done.stdout
        assert "Usage: python -m trioshadow" in done.stdout
    assert "--candidate" in run("demo", "--help").stdout


def test_version_is_that_of_the_distribution():
    assert run("--version").stdout == version("trioshadow") + "\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "stage"),
    [
        ((), b"measuring"),
        (("--http",), b"without rules"),
        (("--http",), b"with rules"),
        (("--http",), b"what it costs"),
    ],
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
