"""Every example in the documentation and the README runs, and prints what is shown below it.

A page is one program: its ```python blocks run in order, in one namespace. Where a block prints, the next fence is a
```text block with exactly that output. A block that can't run is marked ```python no-run, and the line above it says
why: `<!-- no-run: reason -->`.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import hypothesis
import mmh3
import pytest

import trioshadow
from trioshadow.cli.common.options import names_of
from trioshadow.cli.common.reading import read_options
from trioshadow.cli.common.scorecard import EXIT_STATUSES
from trioshadow.cli.proxy.options import ProxyOptions
from trioshadow.cli.replay.lines import request_of
from trioshadow.cli.replay.options import ReplayOptions

from tests.support.pages import blocks
from tests.support.profiles import own_profile

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Pages that need thousands of calls to decide something.
LONG = {"promote.md", "ramp.md"}


@contextlib.contextmanager
def page_module(page: Path) -> Iterator[types.ModuleType]:
    """Make a module that can be imported while the page runs, so that its classes can be pickled, as a program's
    can.
    """
    module = types.ModuleType(f"page_{page.stem.lower()}")
    sys.modules[module.__name__] = module
    try:
        with own_profile():
            hypothesis.settings.load_profile("page")
            yield module
    finally:
        del sys.modules[module.__name__]


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.name, marks=[pytest.mark.slow] * (page.name in LONG)) for page in PAGES],
)
def test_the_examples_of_a_page_run_and_print_what_it_shows(page: Path) -> None:
    """Each page is a program that a reader can type in."""
    with page_module(page) as module:
        for block in blocks(page):
            if not block.runs:
                continue
            # The blank lines make a traceback show the line of the page.
            code = compile("\n" * block.line + block.source, str(page), "exec", dont_inherit=True)
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(code, module.__dict__)
            assert printed.getvalue() == block.expected, f"{page.name}:{block.line}"


def test_the_reference_has_every_public_name() -> None:
    """What is exported is documented, and what is documented is exported, or is met without being named."""
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\.\. auto(?:class|function|exception|data):: (\S+)", reference, re.MULTILINE))
    # Aliases have no docstring of their own.
    documented.add("trioshadow.SamplingKey")
    assert "\n.. py:type:: SamplingKey\n" in reference
    exported = set()
    rooms = ("compare", "compare.readings", "evidence", "http", "asgi", "guard", "isolation", "archive", "metrics")
    for module in ("trioshadow", "trioshadow.testing", *(f"trioshadow.{room}" for room in rooms)):
        exported |= {f"{module}.{name}" for name in importlib.import_module(module).__all__}
    assert documented - exported == {
        "trioshadow.archive.Merged",
        "trioshadow.archive.ProblemKind",
        "trioshadow.archive.Segment",
        "trioshadow.asgi.IncompleteResponse",
        "trioshadow.compare.ChangeKind",
        "trioshadow.compare.Excerpt",
        "trioshadow.compare.HeaderChange",
        "trioshadow.compare.HeaderKind",
        "trioshadow.evidence.Example",
        "trioshadow.evidence.LatencyScore",
        "trioshadow.evidence.Plan",
        "trioshadow.evidence.PlannedOperation",
        "trioshadow.evidence.Wait",
        "trioshadow.evidence.Withheld",
        "trioshadow.guard.BreakerChange",
        "trioshadow.guard.RampOutcome",
    }
    # What a reader has to look through: each rule is one job and one class (19 of these names), and a new one is worth
    # its place if none of them can be told to do it.
    assert len(exported) <= 113
    assert exported <= documented


def test_what_is_shown_of_the_proxy_is_what_it_takes(tmp_path: Path) -> None:
    """Its options have these names, and the files of the page can be read."""
    page = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    names = {*names_of(ProxyOptions).values(), "config", "help"}
    others = {"--worker-class", "--bind", "--directory"}  # hypercorn's and http.server's
    shown = set(re.findall(r"(?<=[ `])--[a-z][a-z0-9-]+", page)) - others
    assert {"--primary", "--shadow", "--admin"} <= shown <= {f"--{name}" for name in names}

    files = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    path = tmp_path / "proxy.toml"
    seen = []
    for file in files:
        path.write_text(file, encoding="utf-8")
        seen.append(read_options(ProxyOptions, {"sample": 1.0}, path))
    assert [(settings.sample, settings.allow_method, len(settings.rule)) for settings in seen] == [
        *((1.0, ("POST",), 2), (1.0, (), 2)),
    ]


def test_what_is_shown_of_the_replay_is_what_it_takes() -> None:
    """Its options have these names, and the lines of the page can be read."""
    page = (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"(?<=[ `(])--[a-z][a-z0-9-]+", page))
    taken = {f"--{name}" for name in names_of(ReplayOptions).values()} | {"--help"}
    assert {"--primary", "--shadow", "--resume", "--max-p99-ratio"} <= shown <= taken

    (lines,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert [request_of(json.loads(line)).method for line in lines.splitlines()] == ["GET", "GET", "POST"]
    statuses = re.findall(r"^\| (\d) \| ([A-Z]+) \|", page, re.MULTILINE)
    assert {decision: int(status) for status, decision in statuses} == {
        decision.name: status for decision, status in EXIT_STATUSES.items()
    }


def test_the_table_of_bounds_is_what_its_command_prints() -> None:
    """Its defaults are read from the code."""
    command = [sys.executable, ROOT / "bench" / "bounds.py"]
    printed = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    assert printed in (ROOT / "docs" / "guard.md").read_text(encoding="utf-8")


ROW = re.compile(
    r"^\| `(?P<key>[^`]+)` \| (?:`(?P<hex>[0-9a-f ]+)`|\(none\)) \| (?P<seed_0>\d+) \| (?P<seed_42>\d+) \|$",
    re.MULTILINE,
)


def test_the_table_of_sampling_keys_is_what_the_code_does() -> None:
    """A replica in another language may rely on each row."""
    page = (ROOT / "docs" / "sampling.md").read_text(encoding="utf-8")
    rows = list(ROW.finditer(page))
    assert len(rows) == len(re.findall(r"^\|.*\| *\d+ *\| *\d+ *\|", page, re.MULTILINE)) >= 12
    for row in rows:
        key = eval(row["key"], {"UUID": UUID})
        encoded = trioshadow.encode_key(key)
        assert encoded.hex(" ") == (row["hex"] or ""), row["key"]
        for seed, shown in ((0, row["seed_0"]), (42, row["seed_42"])):
            assert mmh3.hash(encoded, seed, signed=False) == int(shown), row["key"]
            # The rate at which the key is mirrored begins right above its hash.
            just_above = trioshadow.ShadowConfig(sample_rate=(int(shown) + 1) / 2**32, seed=seed)
            at = trioshadow.ShadowConfig(sample_rate=int(shown) / 2**32, seed=seed)
            assert just_above.should_shadow(encoded)
            assert not at.should_shadow(encoded)
