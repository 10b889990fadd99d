"""docs/trio-cancel-scopes.md is for Trio's maintainers: its diff applies to the Trio that it names, its script runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.support.pages import blocks

PAGE = Path(__file__).parents[1] / "docs" / "trio-cancel-scopes.md"
TEXT = PAGE.read_text(encoding="utf-8")
(NAMED,) = re.findall(r"Against Trio (\S+):", TEXT)
(DIFF,) = re.findall(r"^```diff\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(trio.__version__ != NAMED, reason=f"the page is about Trio {NAMED}")


def applied(source: str, diff: str) -> str:
    """The source with each hunk in place of what it replaces, which is there once."""
    for hunk in re.split(r"^@@.*\n", diff, flags=re.MULTILINE)[1:]:
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] or "\n" for line in lines if line[0] != "+")
        new = "".join(line[1:] or "\n" for line in lines if line[0] != "-")
        assert source.count(old) == 1
        source = source.replace(old, new)
    return source


def ran(script: str, path: Path) -> list[str]:
    """What a program printed that found its modules there first."""
    command = [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(path)!r})\n{script}"]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=100, check=True).stdout.splitlines()


USES = """
import trio

async def main():
    with trio.move_on_after(60) as scope:
        deadlines = trio.lowlevel.current_statistics().seconds_to_next_deadline
        scope.deadline = trio.current_time() + 0.001
        await trio.sleep(60)
    print(50 < deadlines < 60, scope.cancelled_caught, trio.lowlevel.current_statistics().seconds_to_next_deadline > 60)
    print(type(scope._might_change_registered_deadline()).__name__)

trio.run(main)
"""


def test_trio_works_with_the_diff_of_the_page(tmp_path: Path) -> None:
    shutil.copytree(
        Path(trio.__file__).parent, tmp_path / "trio", ignore=shutil.ignore_patterns("__pycache__", "*_tests")
    )
    changed = tmp_path / "trio" / "_core" / "_run.py"
    changed.write_text(applied(changed.read_text(encoding="utf-8"), DIFF), encoding="utf-8")
    assert ran(USES, tmp_path) == ["True True True", "_MightChangeRegisteredDeadline"]


def test_the_script_of_the_page_measures() -> None:
    script, ours = (block.source for block in blocks(PAGE))
    script = script.replace("ROUNDS, TIMES = 120, 2_000", "ROUNDS, TIMES = 2, 10")
    printed = ran(f"{script}\n{ours}", PAGE.parent)
    works = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert [line.split("`")[1] for line in printed] == [*dict.fromkeys(works), "mirrored_call"]
