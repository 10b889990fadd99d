"""The table: rows with their numbers to hold, as plain text or Markdown, and the machine that they were measured on."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

_HEAD = ("what", "measured", "against", "ratio", "to hold", "held")


@dataclass(frozen=True)
class Row:
    """One line. Texts say their units."""

    what: str
    measured: str
    against: str = ""
    ratio: float | None = None
    hold: str = ""
    """The number to hold, in words."""
    held: bool | None = None
    """None where there is none."""

    def hold_at_most(self, limit: float, aim: str = "") -> Row:
        """Return the same row, with a ratio that must not pass `limit`."""
        assert self.ratio is not None
        return replace(self, hold=f"<= {limit:g}{aim}", held=self.ratio <= limit)

    def hold_at_least(self, limit: float, aim: str = "") -> Row:
        """Return the same row, with a ratio that must not be below `limit`."""
        assert self.ratio is not None
        return replace(self, hold=f">= {limit:g}{aim}", held=self.ratio >= limit)

    def cells(self) -> tuple[str, ...]:
        """Return the texts of the columns."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        held = {None: "", True: "yes", False: "no"}[self.held]
        return (self.what, self.measured, self.against, ratio, self.hold, held)


@dataclass(frozen=True)
class Section:
    """Rows of one module, under its title."""

    title: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()


def us(seconds: float) -> str:
    """Write seconds as microseconds."""
    micro = seconds * 1e6
    return f"{micro:,.2f} µs" if micro < 10 else f"{micro:,.1f} µs" if micro < 1_000 else f"{micro:,.0f} µs"


def ms(seconds: float) -> str:
    """Write seconds as milliseconds."""
    return f"{seconds * 1e3:.2f} ms"


def brief(seconds: float) -> str:
    """Write seconds, which may be few or many, with as many digits as are read."""
    return us(seconds) if seconds < 1e-3 else ms(seconds) if seconds < 1 else f"{seconds:.2f} s"


def kib(size: float) -> str:
    """Write bytes as KiB."""
    return f"{size / 1024:.1f} KiB"


def mib(size: float) -> str:
    """Write bytes as MiB."""
    return f"{size / 1024**2:,.0f} MiB" if size % 1024**2 == 0 else f"{size / 1024**2:,.1f} MiB"


def machine() -> Iterable[str]:
    """Say on what and with what this runs."""
    packages = ", ".join(
        f"{name} {version(name)}"
        for name in ("trioshadow", "trio", "trio-parallel", "mmh3", "attrs", "hypercorn", "httpx")
    )
    yield f"{_cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    yield f"{platform.python_implementation()} {platform.python_version()}, {packages}"
    yield f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}"


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def render(sections: Sequence[Section], *, markdown: bool) -> str:
    """Write all of it as one text."""
    lines = [f"- {line}" if markdown else line for line in machine()]
    all_cells = [row.cells() for section in sections for row in section.rows]
    widths = [max(map(len, column)) for column in zip(_HEAD, *all_cells, strict=True)]
    for section in sections:
        lines += ["", f"### {section.title}" if markdown else section.title.upper(), ""]
        lines += _markdown(section.rows) if markdown else _plain(section.rows, widths)
        if section.notes:
            lines += ["", *(f"- {note}" for note in section.notes)]
    held = [row.held for section in sections for row in section.rows if row.held is not None]
    lines += ["", f"{sum(held)} of {len(held)} numbers held."]
    return "\n".join(lines)


def _plain(rows: Sequence[Row], widths: Sequence[int]) -> Iterable[str]:
    yield _line(_HEAD, widths)
    yield "  ".join("-" * width for width in widths)
    for row in rows:
        yield _line(row.cells(), widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    # Numbers to the right, so that they can be compared by eye.
    padded = [
        cell.rjust(width) if column in (1, 2, 3) else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _markdown(rows: Sequence[Row]) -> Iterable[str]:
    yield "| " + " | ".join(_HEAD) + " |"
    yield "| --- | ---: | ---: | ---: | --- | --- |"
    for row in rows:
        yield "| " + " | ".join(row.cells()) + " |"
