"""How far a replay has come, in a file beside its archive, so that another process can go on. Blocking.

It is written after each slice, when the counts of that slice are in the archive. A process that is killed between the
two has counted more than this file says: so what counts is how many calls the archive has, and this file says of which
requests they are.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from trioshadow.cli.common.errors import CliError

_VERSION = 1
#: Bytes that are read of it. It has a few hundred, and what an option told.
_LONGEST = 1 << 24


def _is_count(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if type(value) is not int or value < 0:
        raise ValueError(f"{attribute.name} must be a count, not {value!r}")


def _counts(value: Mapping[str, Any]) -> Counter[str]:
    return Counter({str(cause): int(count) for cause, count in value.items()})


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(text) for name, text in value.items()}


@attrs.frozen(kw_only=True)
class Progress:
    """The first so many requests are done."""

    requests: int = attrs.field(default=0, validator=_is_count)
    digest: str = attrs.field(converter=str)
    """Of these."""
    epoch: str = attrs.field(converter=str)
    """`ShadowConfig.epoch_id`."""
    no_answer: Counter[str] = attrs.field(factory=Counter, converter=_counts)
    """Those of them to which the primary gave no answer, by cause."""
    records_lost: int = attrs.field(default=0, validator=_is_count)
    told: dict[str, str] = attrs.field(factory=dict, converter=_texts)
    """Who was asked, and with what: see `ReplayOptions.told`."""
    rules: dict[str, str] = attrs.field(factory=dict, converter=_texts)
    """By which rules they were compared: see `ServiceOptions.told_rules`."""

    def write(self, path: Path) -> None:
        """Put it in the place of what is there, whole. Raises OSError."""
        unfinished = path.with_name(f"{path.name}.tmp")
        told = {"version": _VERSION, **attrs.asdict(self)}
        # For its owner's eyes only, as the archive is.
        fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump(told, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        if os.name == "posix":  # the new name too
            directory = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)


def progress_path(archive: Path) -> Path:
    """Where the progress of a replay into this archive is."""
    return archive.with_name(f"{archive.name}.progress")


def read_progress(path: Path) -> Progress | None:
    """What is there; None if nothing is. Raises CliError for what can't be used."""
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(_LONGEST))
        version = told.pop("version")
        if version != _VERSION:
            raise CliError(f"{path}: another version of trioshadow wrote it: resume with that one, or begin anew")
        return Progress(**told)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise CliError(f"{path}: it can't be read: {exc.strerror or exc}") from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise CliError(f"{path}: this is no progress of a replay: begin anew, with another --archive") from None
