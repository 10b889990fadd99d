"""The command line: reads the arguments, runs a command, turns its end into an exit status. It does no command's work.

Exit status: what the command says (0 if it says nothing); 2 for wrong arguments, input that can't be read, output that
can't be written, or a library that is not installed, each with one line on stderr; 130 after Ctrl-C, as shells have it;
70 with a traceback for a mistake of ours. Python's own status for that is 1, which is a REJECT here.

cyclopts and rich are imported where they are used: they belong to the extra `cli`, and the library needs neither.
"""

from __future__ import annotations

import contextlib
import errno
import io
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .common.errors import CliError, require
from .common.program import program

if TYPE_CHECKING:
    from cyclopts import App

__all__ = ["main"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

WRONG_USE = 2
BROKEN = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT


class _Command(NamedTuple):
    place: str
    """Its module, which is imported when it is called, and its function."""
    extra: str
    """What has to be installed for it."""
    help: str
    """For the list of commands. Its own help is its docstring."""
    arguments: str = ""
    """For the line of its usage."""
    needs: tuple[str, ...] = ()
    """Libraries of that extra that it imports, beside those of every command."""


_COMMANDS = {
    "demo": _Command(
        "trioshadow.cli.demo.command:demo",
        "demo",
        "Migrate from a deprecated library: what would it break?",
        " [PATH...]",
    ),
    "proxy": _Command(
        "trioshadow.cli.proxy.command:proxy",
        "cli",
        "Mirror HTTP traffic: does a new service do the same?",
        needs=("hypercorn",),
    ),
    "plan": _Command(
        "trioshadow.cli.plan.command:plan",
        "cli",
        "How many calls and hours will a verdict take?",
    ),
    "report": _Command(
        "trioshadow.cli.report.command:report",
        "cli",
        "Read archives: what differs, and is it good enough?",
        " FILE...",
        ("msgspec", "jinja2"),
    ),
    "replay": _Command(
        "trioshadow.cli.replay.command:replay",
        "cli",
        "Send captured requests: does a new service answer the same?",
        " FILE",
        ("msgspec",),
    ),
}


def main(tokens: Sequence[str] | None = None) -> int:
    """Run the command that `tokens` name (by default the process's arguments) and return its exit status."""
    tokens = _begin(tokens)
    try:
        with contextlib.suppress(SystemExit):  # --help and --version end like this, in some versions
            return _status(_app(tokens)(tokens, backend="trio", **_called()))
    except BaseException as exc:
        return _status_after(exc)
    return 0


async def main_async(tokens: Sequence[str] | None = None) -> int:
    """As `main`, where Trio runs already."""
    tokens = _begin(tokens)
    try:
        with contextlib.suppress(SystemExit):
            return _status(await _app(tokens).run_async(tokens, **_called()))
    except BaseException as exc:
        return _status_after(exc)
    return 0


def _begin(tokens: Sequence[str] | None) -> Sequence[str]:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What is shown comes from anywhere: a character that the terminal can't write must not end the program.
            stream.reconfigure(errors="replace")
    return sys.argv[1:] if tokens is None else tokens


def _app(tokens: Sequence[str]) -> App:
    called = _COMMANDS.get(tokens[0]) if tokens else None
    extra, needs = (called.extra, called.needs) if called else ("cli", ())
    require("cyclopts", "rich", *needs, extra=extra)
    from cyclopts import App

    app = App(
        name=program(),
        help="Shadow an old backend with a new one.",
        version=_version,
        version_flags=("--version", "-V"),
        help_format="plaintext",
        suppress_keyboard_interrupt=False,  # it comes in a group, from a nursery, which cyclopts does not look into
    )
    for name, command in _COMMANDS.items():
        usage = f"Usage: {program()} {name} [OPTIONS]{command.arguments}"
        app.command(command.place, name=name, usage=usage, help=None if called is command else command.help)
    return app


def _called() -> dict[str, Any]:
    """How the app is called: what it returns and raises is ours."""
    from .common.console import make_console

    return {
        "console": make_console(),
        "exit_on_error": False,
        "print_error": False,
        "result_action": "return_value",
    }


def _status(returned: object) -> int:
    return returned if isinstance(returned, int) else 0


def _status_after(exc: BaseException) -> int:
    """The exit status, when all is said that there is to say. Raises what is nobody's mistake."""
    if (wrong := _wrong_use(exc)) is not None:
        print(f"trioshadow: {wrong}", file=sys.stderr)  # noqa: T201 - rich may be what is missing
        return WRONG_USE
    if _is_interrupt(exc):
        return INTERRUPTED
    if not isinstance(exc, Exception):
        raise exc
    if (full := _full_disk(exc)) is not None:
        from .common.console import discard

        discard(sys.stdout)
        print(f"trioshadow: what it says can't be written: {full.strerror}", file=sys.stderr)  # noqa: T201
        return WRONG_USE
    traceback.print_exception(exc)
    return BROKEN


def _wrong_use(exc: BaseException) -> str | None:
    """In one line."""
    if isinstance(exc, CliError):
        return str(exc)
    cyclopts = sys.modules.get("cyclopts")  # unless it is what is missing
    if cyclopts is not None and isinstance(exc, cyclopts.CycloptsError):
        return " ".join(str(exc).split())
    return None


def _version() -> str:
    from importlib.metadata import version

    return version("trioshadow")


def _full_disk(exc: BaseException) -> OSError | None:
    """Of stdout: those of files have names."""
    if isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        return _full_disk(exc.exceptions[0])
    if isinstance(exc, OSError) and exc.errno in _FULL and exc.filename is None:
        return exc
    return None


def _is_interrupt(exc: BaseException) -> bool:
    # Every nursery that it came through has put it into a group.
    return isinstance(exc, KeyboardInterrupt) or (
        isinstance(exc, BaseExceptionGroup) and exc.subgroup(KeyboardInterrupt) is not None
    )
