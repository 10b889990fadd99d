"""Each command's options are one attrs class: the command line, the file, the help and the reference are as it says.

The commands are parsed and not run.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import attrs
import pytest
from cyclopts import App

from trioshadow.cli.common.objective import ObjectiveOptions
from trioshadow.cli.common.options import Panel, default_shown, names_of, option_of
from trioshadow.cli.common.reading import read_options
from trioshadow.cli.common.services import ServiceOptions
from trioshadow.cli.demo.command import DemoOptions, demo
from trioshadow.cli.plan.command import plan
from trioshadow.cli.plan.options import PlanOptions
from trioshadow.cli.proxy.command import proxy
from trioshadow.cli.proxy.options import ProxyOptions
from trioshadow.cli.replay.command import replay
from trioshadow.cli.replay.options import ReplayOptions
from trioshadow.cli.report.command import report
from trioshadow.cli.report.options import ReportOptions

from tests.support import commands

COMMANDS = {
    "proxy": (proxy, ProxyOptions),
    "replay": (replay, ReplayOptions),
    "report": (report, ReportOptions),
    "plan": (plan, PlanOptions),
    "demo": (demo, DemoOptions),
}

#: Two values of each option, neither of which is its default, as a file has them.
OBJECTIVE = {
    "objective-rate": (0.02, 0.03),
    "min-coverage": (0.5, 0),
    "noise-margin": (0.5, 0),
    "error-level": (0.01, 0.1),
    "max-p99-ratio": (2, "none"),
    "max-p50-ratio": ("none", 1.5),
    "fast-enough": (0.1, 0),
    "block-seconds": ("none", 10),
    "unverifiable-noise": (0.9, 0.5),
    "min-keys": (7, 1),
    "critical": (["POST /pay"], ["POST /pay=0.01", "POST /refund"]),
    "acknowledge": (["status"], ["header etag", "GET /: $.id"]),
}
SERVICES = {
    **OBJECTIVE,
    "primary": ("http://a", "http://a2"),
    "shadow": ("http://b", "http://b2"),
    "secondary": ("http://a", "http://a2"),
    "noise-rate": (0.5, 0.25),
    "candidate": ("b 2.0", "b 2.1"),
    "ca-file": ("a.pem", "b.pem"),
    "key-header": ("x-u", "x-v"),
    "allow-method": (["PUT"], ["POST", "PATCH"]),
    "forward-credential": (["Cookie"], ["Authorization"]),
    "allow-header": (["Accept", "X-User-*"], ["Accept"]),
    "drop-header": (["X-B3-*"], ["X-A", "X-B"]),
    "preserve-host": (True, True),
    "ignore-header": (["a"], ["b", "c*"]),
    "ignore-path": (["$.a"], ["$..b"]),
    "rule": (["tolerance $.total abs=0.01"], ["unordered $.tags", "ignore-field status"]),
    "decode": (["+cbor=json:loads"], ["text/x-a=json:loads", "text/x-b=bytes.decode"]),
    "strict": (True, True),
    "strict-errors": (True, True),
    "exact-decimals": (True, True),
    "max-body": (10, 0),
    "timeout": (1.5, 3),
    "primary-timeout": (30, 0.5),
}
PROXY = {
    **SERVICES,
    "listen": ("[::1]:0", "127.0.0.1:1"),
    "tls-cert": ("a.pem", "b.pem"),
    "tls-key": ("a.pem", "b.pem"),
    "trust-forwarded": (True, True),
    "admin": (9901, "localhost:1"),
    "sample": (0.5, 0),
    "breaker": (True, True),
    "drain": (0, 2.5),
    "archive": ("a.jsonl", "b.jsonl"),
    "capture": (True, True),
}
REPLAY = {
    **SERVICES,
    "archive": ("a.jsonl", "b.jsonl"),
    "rate": (10, 0.5),
    "concurrency": (1, 1000),
    "resume": (True, True),
}
REPORT = {
    **OBJECTIVE,
    "rule": (["tolerance $.total abs=0.01"], ["unordered $.tags", "ignore-field status"]),
    "html": ("a.html", "b.html"),
    "json": (True, True),
    "epoch": ("a", "b"),
    "exit-code": (True, True),
}
PLAN = {
    **OBJECTIVE,
    "rate": (50, 0.5),
    "sample": (0.1, 0.5),
    "operation": (["GET /a=0.9"], ["GET /a=0.5", "GET /b=0.25"]),
    "noise-rate": (1, 0),
    "noise": (0.1, 1),
    "excess": (0.02, 1),
    "json": (True, True),
}
DEMO = {"http": (True, True)}
CASES = [
    *(("proxy", PROXY, which, ()) for which in (0, 1)),
    *(("replay", REPLAY, which, ("r.jsonl",)) for which in (0, 1)),
    *(("report", REPORT, which, ("a.jsonl", "b.jsonl")) for which in (0, 1)),
    *(("plan", PLAN, which, ()) for which in (0, 1)),
    ("demo", DEMO, 0, ("a.md", "folder")),
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.pem", "b.pem"):
        Path(name).touch()


def words_of(name, value):
    """As the command line has it."""
    if value is True:
        return [f"--{name}"]
    return [word for each in (value if isinstance(value, list) else [value]) for word in (f"--{name}", str(each))]


def parsed(command, *words, file=None):
    function, options = COMMANDS[command]
    app = App()
    app.default(function)
    _, bound, _ = app.parse_args([*words], print_error=False, exit_on_error=False)
    return read_options(options, bound.arguments, file)


def made(options, values, **more):
    return options(**{name.replace("-", "_"): value for name, value in values.items()}, **more)


def test_there_are_values_for_every_option():
    for (_, options), values in zip(COMMANDS.values(), (PROXY, REPLAY, REPORT, PLAN, DEMO), strict=True):
        assert set(values) == set(names_of(options).values())


@pytest.mark.parametrize(("command", "values", "which", "arguments"), CASES)
def test_every_option_can_be_on_the_command_line(command, values, which, arguments):
    values = {name: both[which] for name, both in values.items()}
    words = [word for name, value in values.items() for word in words_of(name, value)]
    options = parsed(command, *words, *arguments)
    named = {name: getattr(options, name) for name in ("file", "files", "paths") if hasattr(options, name)}
    assert [str(each) for file in named.values() for each in (file if isinstance(file, tuple) else (file,))] == [
        *arguments
    ]
    assert options == made(COMMANDS[command][1], values, **named)
    for name in names_of(type(options)):
        assert getattr(options, name) != getattr(attrs.fields(type(options)), name).default, name


def written(values):
    file = Path("proxy.toml")
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    return file


@pytest.mark.parametrize(("command", "options"), [("proxy", PROXY), ("report", REPORT)])
def test_every_option_of_the_proxy_and_the_report_can_be_in_the_file(command, options):
    values = {name: first for name, (first, _) in options.items()}
    assert parsed(command, file=written(values)) == made(COMMANDS[command][1], values)


@pytest.mark.parametrize("name", [name for name, (first, second) in PROXY.items() if first != second])
def test_the_command_line_takes_precedence_over_the_file(name):
    """Also where it names another list: the two are not added up."""
    values = {name: first for name, (first, _) in PROXY.items()}
    second = PROXY[name][1]
    options = parsed("proxy", *words_of(name, second), file=written(values))
    assert options == made(ProxyOptions, {**values, name: second})
    assert options != made(ProxyOptions, values)


def test_the_file_takes_precedence_over_the_defaults_and_they_count_where_nothing_is_said():
    urls = {"primary": "http://a", "shadow": "http://b"}
    options = parsed("proxy", "--primary", "http://a", file=written({"shadow": "http://b", "timeout": 5}))
    assert options == ProxyOptions(**urls, timeout=5)
    assert parsed("proxy", *words_of("primary", "http://a"), *words_of("shadow", "http://b")) == ProxyOptions(**urls)


def test_a_flag_of_the_file_can_be_taken_back():
    values = {"primary": "http://a", "shadow": "http://b", "breaker": True}
    assert parsed("proxy", "--breaker=false", file=written(values)) == made(ProxyOptions, {**values, "breaker": False})


def test_short_forms_mean_the_long_ones():
    words = ("-p", "http://a", "-s", "http://b", "-a", "a.jsonl")
    assert parsed("proxy", *words, "-l", "9000").listen.port == 9000
    options = parsed("replay", *words, "-r", "r.jsonl")
    assert (options.primary, options.shadow, str(options.archive), options.resume) == (
        *("http://a", "http://b", "a.jsonl", True),
    )
    options = parsed("report", "-j", "-o", "a.html", "a.jsonl")
    assert (str(options.html), options.json) == ("a.html", True)


def test_without_a_name_the_archive_of_a_replay_is_that_of_its_file():
    urls = ("-p", "http://a", "-s", "http://b")
    assert str(parsed("replay", *urls, "folder/r.jsonl").archive) == "r.jsonl.replay.jsonl"
    assert str(parsed("replay", *urls, ".").archive) == "requests.replay.jsonl"


# ── unknown names ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("proxy", "--sampel", "1"), "Unknown option: --sampel. Did you mean --sample?"),
        (("replay", "r.jsonl", "--resum"), "Unknown option: --resum. Did you mean --resume?"),
        (("report", "a.jsonl", "--exitcode"), "Unknown option: --exitcode. Did you mean --exit-code?"),
        (("prxy",), 'Unknown command "prxy". Did you mean "proxy"?'),
    ],
)
def test_a_name_that_is_unknown_is_one_line_with_one_that_is_known(words, said):
    done = commands.run(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"trioshadow: {said}")


def test_so_it_is_in_a_file():
    file = written({"primary": "http://a", "shadow": "http://b", "ignore-paths": ["$.id"]})
    done = commands.run("proxy", "-c", file)
    assert (done.returncode, done.stdout, done.stderr) == (
        *(2, ""),
        "trioshadow: proxy.toml: there is no option 'ignore-paths': did you mean 'ignore-path'?\n",
    )


# ── the help ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def help_of(command):
    done = commands.run(command, "--help", COLUMNS="80")
    assert done.stderr == ""
    return done.stdout


def words_in(text):
    """Without metavars, one of which can stand in a line of its own, beside the words of the help."""
    return " ".join(re.sub(r"\b[A-Z]+\.\.\. ", "", " ".join(text.replace("│", " ").split()) + " ").split())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_has_every_option_once_in_the_panel_of_its_task(command):
    text = help_of(command)
    assert max(map(len, text.splitlines())) <= 80
    panels = dict(re.findall(r"^╭─ (.+?) ─+╮\n(.*?)^╰", text, re.MULTILINE | re.DOTALL))
    for field in attrs.fields(COMMANDS[command][1]):
        option = option_of(field)
        panel = words_in(panels.get(option.panel.value if option.panel else "Arguments"))
        assert words_in(option.help) in panel, field.name
        if option.panel is None:
            assert option.kind.metavar in panel
            continue
        name = field.name.replace("_", "-")
        assert len(re.findall(rf"^│ --{name} ", text, re.MULTILINE)) == 1, name
        label = " ".join([f"--{name}", *filter(None, [option.short, option.kind.metavar * (not option.kind.many)])])
        assert label in panel
        if field.default is attrs.NOTHING:
            assert f"{words_in(option.help)} [required]" in panel
    titles = [panel.value for panel in Panel if panel.value in panels]
    assert [title for title in panels if title not in ("Arguments", "Configuration")] == titles


@pytest.mark.parametrize("command", COMMANDS)
def test_letters_and_words_are_fit_to_be_shown(command):
    options = [option_of(field) for field in attrs.fields(COMMANDS[command][1])]
    letters = [option.short for option in options if option.short]
    assert len(letters) == len(set(letters))
    assert all(re.fullmatch("-[a-z]", letter) for letter in letters)
    assert not set(letters) & {"-c", "-h"}  # --config, --help
    for option in options:
        assert re.fullmatch(r"[^ ].*[^ ]\.", option.help)
        assert "  " not in option.help


def test_the_help_says_what_takes_precedence():
    words = words_in(help_of("proxy"))
    assert "The command line takes precedence over the file, and the file over the defaults." in words
    assert "Configuration" not in help_of("replay")


# ── the reference ─────────────────────────────────────────────────────────────────────────────────────────────────────

TABLES = {
    "proxy": ProxyOptions,
    "replay": ReplayOptions,
    "both": ServiceOptions,
    "report": ReportOptions,
    "plan": PlanOptions,
    "all three": ObjectiveOptions,
}


def table(options):
    """Of those that are not another's, as the reference has them."""
    rows = ["| option | | default |", "| --- | --- | --- |"]
    for field in attrs.fields(options):
        option = option_of(field)
        if field.inherited or option.panel is None:
            continue
        names = ", ".join(filter(None, [f"--{field.name.replace('_', '-')}", option.short]))
        label = " ".join(filter(None, [names, option.kind.metavar + "..." * option.kind.many]))
        default = "required" if field.default is attrs.NOTHING else default_shown(field)
        default = re.sub("--[a-z-]+", r"`\g<0>`", default)
        rows.append(f"| `{label}` | {option.help} | {default} |")
    return "\n".join(rows)


@pytest.mark.parametrize("name", TABLES)
def test_the_reference_lists_the_options(name):
    page = (Path(__file__).parents[2] / "docs" / "reference.md").read_text(encoding="utf-8")
    (shown,) = re.findall(rf"^<!-- options: {name} -->\n\n(.*?)\n\n", page, re.MULTILINE | re.DOTALL)
    assert shown == table(TABLES[name]), table(TABLES[name])
