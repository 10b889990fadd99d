"""The arrows point down: reads the imports of every file and holds the line that DESIGN draws."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import trioshadow

PACKAGE = Path(trioshadow.__file__).parent

#: From the ground up. A room may import from its own tier and those before it.
TIERS = [
    # Pure: no Trio, no I/O, no clock, no randomness.
    {
        "_errors",
        "_backend",
        "_record",
        "_sampling",
        "_config",
        "_capture",
        "_checks",
        "_fingerprint",
        "compare",
        "_explain",
        "_divergence",
        "_snapshot",
        "_verdict",
        "_sizes",
        "_judge",
        "_log",
        "_ledger",
        "evidence",
    },
    # ──────────────────────────────────────────────────────────────────────────────────────────
    {"_notices", "_outcome", "_in_shadow", "_slo", "_observers", "_gate", "_kill_file", "_steps", "_comparer"},
    {"_leg", "_active_leg", "_host", "_consumer", "_sink", "_pair", "_secondary_leg"},
    {"_shadower"},
    {"isolation"},
    {"guard"},
    {"archive"},
    {"metrics"},
    {"_mirrored"},
    {"testing"},
    {"http"},
    {"asgi"},
    {"__init__"},
    {"cli"},
    {"__main__"},
]
PURE = TIERS[0]
IMPURE_MODULES = {"trio", "httpx", "time", "random", "logging", "socket", "os", "sys", "asyncio", "subprocess"}
#: `threading` is for the lock that foreign threads take; it waits for nothing and knows no clock.

FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Absolute names of the modules that a file imports, `trioshadow.…` for the package's own."""
    package = ["trioshadow", *path.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.add(module)
            if not node.module or module == "trioshadow":
                found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def tier_of(room: str) -> int:
    (tier,) = [i for i, rooms in enumerate(TIERS) if room in rooms]
    return tier


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_point_down(path):
    room = room_of(path)
    for name in imports_of(path):
        if name.startswith("trioshadow."):
            target = name.split(".")[1]
            if (PACKAGE / f"{target}.py").exists() or (PACKAGE / target).is_dir():
                assert tier_of(target) <= tier_of(room), f"{room} imports {target}"


@pytest.mark.parametrize("path", [path for path in FILES if room_of(path) in PURE], ids=lambda path: path.stem)
def test_pure_rooms_know_no_trio_no_io_no_clock(path):
    assert not {name.split(".")[0] for name in imports_of(path)} & IMPURE_MODULES


def test_a_wings_private_files_are_imported_by_nobody_else():
    for path in FILES:
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] == "trioshadow" and len(parts) > 2 and parts[2].startswith("_"):
                assert parts[1] == room_of(path), f"{path} reaches into {name}"


def test_the_face_defines_nothing():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    assert not [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_file_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))
