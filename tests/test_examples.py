"""The scripts of docs/examples: each runs against the real libraries, and prints what docs/migrations.md shows.

They are run as a reader runs them, with every warning an error. What the page says of a line of a script ("without it
you see ...") is tried out: the script is run in this process without that line.
"""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import commonmark
import markdown_it
import pytest

DOCS = Path(__file__).parent.parent / "docs"
SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((DOCS / "examples").glob("*.py"))}
PAGE = (DOCS / "migrations.md").read_text(encoding="utf-8")

#: What each script decides, in its order.
VERDICTS = {
    "asgi_service": ["PROMOTE"],
    "codec_change": ["REJECT"],
    "json_to_protobuf": ["PROMOTE"],
    "library_swap": ["REJECT"],
    "orm_cutover": ["REJECT", "PROMOTE"],
    "service_behind_client": ["HOLD"],
}
TIMING = re.compile(r" +(\d+ µs|\d+ ms|\d+\.\d s)")


#: That waiting for the interpreter drowned a latency is so on a busy machine alone.
CONTENDED = re.compile(r"^  - .*: its latency is not judged: .*\n(?:    .*\n)*|; latency not judged", re.MULTILINE)


def untimed(printed: str) -> str:
    """With `*` in place of each latency, and without the word that it is not judged."""
    return TIMING.sub(" *", CONTENDED.sub("", printed))


def verdicts(printed: str) -> list[str]:
    """The first line of each scorecard."""
    return re.findall(r"^(?:PROMOTE|HOLD|REJECT)$", printed, re.MULTILINE)


def shown(name: str) -> str:
    """What the page shows below the script."""
    (output,) = re.findall(
        rf"^```{{literalinclude}} examples/{name}\.py\n```\n\n```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
    )
    return output


def test_each_script_has_a_verdict_here_and_a_place_on_the_page() -> None:
    assert set(SCRIPTS) == set(VERDICTS) == set(re.findall(r"examples/(\w+)\.py", PAGE))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_short(name: str) -> None:
    assert len(SCRIPTS[name].splitlines()) < 65


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_decides_what_the_page_shows_and_leaves_nothing_behind(name: str) -> None:
    # Of sockets, connections and coroutines that are left open Python warns on stderr.
    command = [sys.executable, "-X", "dev", "-X", "utf8", "-W", "error", str(DOCS / "examples" / f"{name}.py")]
    ran = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300)
    # On a busy machine a step of a shadow may take long, and the log says so.
    said = [line for line in ran.stderr.splitlines() if "kept the event loop" not in line]
    assert (ran.returncode, said) == (0, [])
    assert verdicts(ran.stdout) == VERDICTS[name]
    assert untimed(ran.stdout) == untimed(shown(name))


#: Script, what is replaced in it by what, and what is seen then. The page says so, in its tables and its text.
WITHOUT = [
    ("library_swap", "view=str.strip, ", "", ": $ differs for 100.00%"),
    ("codec_change", "ignore=[refused], ", "", "- JSONDecodeError"),
    ("json_to_protobuf", '"preserving_proto_field_name": True, ', "", "$.unitPrice differs for 100.00%"),
    ("json_to_protobuf", ', "always_print_fields_with_no_presence": True', "", ": $.stock differs"),
    ("json_to_protobuf", ', "always_print_fields_with_no_presence": True', "", ": $.tags differs"),
    ("json_to_protobuf", 'IgnoreHeader("content-type"), ', "", "header content-type differs for 100.00%"),
    ("json_to_protobuf", 'Normalize("$.stock", int), ', "", '- 0\n      + "0"\n'),
    ("json_to_protobuf", ', Tolerance("$.grams", rel=1e-6)', "", "- 68216.138\n      + 68216.14\n"),
    ("orm_cutover", "date.fromisoformat(day)", "day", "$[*].day differs for 100.00%"),
    ("service_behind_client", ", secondary=HttpBackend(client, again)", "", "$.warehouse differs for 5"),
    ("asgi_service", "Annotated[int, BeforeValidator(int)]", "int", "- 400\n      + 200\n"),
    ("asgi_service", "[refused, ", "[", "- 400\n      + 422\n"),
    ("asgi_service", ', Normalize("$.until", datetime.fromisoformat)', "", '+00:00"\n      + "2026-01-01T00:00:00Z"\n'),
]
#: So many calls are enough for that.
FEWER = {"4_500": "900", "2_000": "400", "1_500": "600", "1_200": "300"}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "old", "new", "seen"), WITHOUT)
def test_what_a_script_tells_the_comparison_is_needed(name: str, old: str, new: str, seen: str) -> None:
    source = SCRIPTS[name]
    assert source.count(old) == 1
    source = source.replace(old, new)
    for many, fewer in FEWER.items():
        source = source.replace(many, fewer)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, name, "exec", dont_inherit=True), {"__name__": name})
    assert seen in printed.getvalue()
    assert "PROMOTE" not in verdicts(printed.getvalue())


ROW = re.compile(r"^\| `(\S.*)` \| `(.*)` \| `(.*)` \|$", re.MULTILINE)


def test_the_two_libraries_differ_as_the_page_says() -> None:
    """Each row of its table is what the two make of that text."""
    rows = ROW.findall(PAGE)
    assert len(rows) == 4
    for text, old, new in rows:
        assert commonmark.commonmark(text) == f"<p>{old}</p>\n"
        assert markdown_it.MarkdownIt("commonmark").render(text) == f"<p>{new}</p>\n"
