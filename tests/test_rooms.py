"""The arrows point down: reads the imports of every file and holds the line that DESIGN draws."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import pytest

import trioshadow

PACKAGE = Path(trioshadow.__file__).parent
TESTS = Path(__file__).parent

#: From the ground up. A room may import from those before it, and of its own tier.
TIERS = [
    # Pure: no Trio, no I/O, no clock, no randomness.
    {"_model"},
    {"compare"},
    {"_settings"},
    {"evidence"},
    # ──────────────────────────────────────────────────────────────────────────────────────────
    {"_accounts"},
    {"_service"},
    {"_caller"},
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
PURE = set().union(*TIERS[:4])
IMPURE_MODULES = {"trio", "httpx", "time", "random", "logging", "socket", "os", "sys", "asyncio", "subprocess"}
#: `threading` is for the lock that foreign threads take; it waits for nothing and knows no clock.

FILES = sorted(PACKAGE.rglob("*.py"))
#: In a room that is not.
PURE_FILES = {
    PACKAGE / "_accounts" / "ledger.py",
    PACKAGE / "_accounts" / "log.py",
    PACKAGE / "_service" / "judging.py",
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path, root: Path = PACKAGE) -> set[str]:
    """Absolute names of the modules that a file imports, `trioshadow.…` for the package's own."""
    package = [root.name, *path.relative_to(root).parts[:-1]]
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


@pytest.mark.parametrize(
    "path", [path for path in FILES if room_of(path) in PURE or path in PURE_FILES], ids=lambda path: path.stem
)
def test_pure_rooms_know_no_trio_no_io_no_clock(path):
    assert not {name.split(".")[0] for name in imports_of(path)} & IMPURE_MODULES


def test_a_wings_private_files_are_imported_by_nobody_else():
    for path in FILES:
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] == "trioshadow" and len(parts) > 2 and parts[2].startswith("_"):
                assert parts[1] == room_of(path), f"{path} reaches into {name}"


#: Lines of a file.
LONGEST = 400
#: Files at the root of the package.
AT_THE_ROOT = 6


def files_imported_by(path: Path) -> set[Path]:
    """Files of the package that a file imports, also in a function or under TYPE_CHECKING. Not the `__init__` of each
    package on the way, which Python runs too.
    """
    package = ["trioshadow", *path.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {file_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {file_of(f"{module}.{alias.name}") or file_of(module) for alias in node.names}
    return {file for file in found if file is not None}


def file_of(module: str) -> Path | None:
    """The file of a module or package, if it is one of ours."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file in FILES), None)


def circle_among(graph: dict[Path, set[Path]]) -> list[Path]:
    """The files of a circle in their order, or none: what imports nothing that is left is taken away until nothing is,
    and from any file that then remains each next import leads into a circle.
    """
    graph = dict(graph)
    while done := [file for file, imported in graph.items() if not imported & graph.keys()]:
        for file in done:
            del graph[file]
    way: list[Path] = []
    file = min(graph, default=None)
    while file is not None and file not in way:
        way.append(file)
        file = min(graph[file] & graph.keys())
    return way[way.index(file) :] if file is not None else []


def test_no_files_import_one_another_in_a_circle():
    graph = {path: files_imported_by(path) for path in FILES}
    circle = [path.relative_to(PACKAGE).as_posix() for path in circle_among(graph)]
    assert not circle, " -> ".join([*circle, circle[0]])


def test_a_circle_is_found_and_what_only_leads_to_it_is_no_part_of_it():
    a, b, c, d = map(Path, "abcd")
    assert circle_among({a: {b}, b: {c}, c: {d, b}, d: set()}) == [b, c]
    assert circle_among({a: {a}}) == [a]
    assert circle_among({a: {b, c}, b: {c}, c: {d}, d: set()}) == []


def test_no_file_is_long():
    long = {path.relative_to(PACKAGE).as_posix() for path in FILES if len(path.read_text().splitlines()) > LONGEST}
    assert not long


def test_few_files_lie_at_the_root():
    assert len(list(PACKAGE.glob("*.py"))) <= AT_THE_ROOT


#: Whose files are shown too: the halves of a call, and what stays of it.
OPEN = {"_caller", "_service", "_accounts"}


def first_sentence(path: Path) -> str:
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    return re.split(r"(?<=[.?])\s", " ".join(said.split()), maxsplit=1)[0].rstrip(".")


def entry(name: str, path: Path) -> str:
    indent = " " * 16
    return textwrap.fill(f"{name:<15} {first_sentence(path)}", 96, subsequent_indent=indent, drop_whitespace=True)


def drawn() -> str:
    """The map of the design page: each room with the first sentence that it says of itself, the topmost first."""
    lines = []
    for tier in reversed(TIERS):
        if "evidence" in tier:
            lines.append(
                "──────────────── pure from here down: no Trio, no I/O, no clock, no randomness ────────────────"
            )
        for room in sorted(tier, reverse=True):
            folder = PACKAGE / room
            lines.append(
                entry(f"{room}/", folder / "__init__.py") if folder.is_dir() else entry(room, Path(f"{folder}.py"))
            )
            if room in OPEN:
                files = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
                lines += [entry(f"  {path.stem}", path) for path in files]
    return "\n".join(lines)


def test_the_map_of_the_design_page_is_this_house():
    page = (PACKAGE.parents[1] / "docs" / "design.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^<!-- the map -->\n+```text\n(.*?)\n```$", page, re.MULTILINE | re.DOTALL)
    assert shown == drawn(), drawn()


def test_the_face_defines_nothing():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    assert not [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_file_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_what_tests_share_is_in_support():
    for path in sorted(TESTS.rglob("*.py")):
        for name in imports_of(path, TESTS):
            if name.split(".")[0] == "tests":
                assert name.split(".")[:2] == ["tests", "support"], f"{path} imports from {name}"


def test_public_names_are_shown_as_they_are_imported():
    for name in trioshadow.__all__:
        thing = getattr(trioshadow, name)
        if isinstance(thing, type):
            assert thing.__module__ == "trioshadow"
