"""What the program is called, and which version it is. In this process."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from trioshadow.cli import main

from tests.support.commands import run


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version_is_that_of_the_distribution(flag):
    assert run(flag).stdout == version("trioshadow") + "\n"


@pytest.mark.parametrize(
    ("called", "program"),
    [
        ("/usr/bin/trioshadow", "trioshadow"),
        ("/usr/lib/python3/site-packages/trioshadow/__main__.py", "python -m trioshadow"),
    ],
)
@pytest.mark.parametrize(
    ("words", "usage"),
    [
        ((), "COMMAND"),
        (("demo",), "demo [OPTIONS] [PATH...]"),
        (("proxy",), "proxy [OPTIONS]"),
        (("replay",), "replay [OPTIONS] FILE"),
        (("report",), "report [OPTIONS] FILE..."),
    ],
)
def test_the_usage_names_the_program_as_it_was_called(called, program, words, usage, monkeypatch):
    monkeypatch.setattr(sys, "argv", [called])
    assert run(*words, "--help").stdout.splitlines()[0].strip() == f"Usage: {program} {usage}"


def test_the_script_is_the_program_that_the_module_is():
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["project"]["scripts"] == {"trioshadow": f"{main.__module__}:{main.__name__}"}
