"""Where the demo's documents come from: installed distributions, or files and folders. Reads them, and nothing else."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from trioshadow.cli.common.errors import CliError
from trioshadow.cli.common.texts import shorten_left
from trioshadow.compare import visible

from .blocks import Document

SUFFIXES = (".md", ".markdown", ".mdown", ".mkd")

#: Columns that a document's name may take, so that a key fits on a line, and into the 256 bytes that a record keeps.
NAME_WIDTH = 34


def installed_documents() -> list[Document]:
    """The description (on PyPI: the README) of each installed distribution that has one, by name."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        # One broken installation (no metadata, not UTF-8) is no reason to leave out the others.
        try:
            metadata = distribution.metadata
            name, version = metadata["Name"], metadata["Version"]
            text = str(metadata["Description"] or metadata.get_payload())  # type: ignore[attr-defined]
        except Exception:  # noqa: S112
            continue
        if name and text.strip() not in ("", "UNKNOWN"):
            # On a long sys.path a distribution can be there twice: the first is the one that is imported.
            found.setdefault(f"{name} {version}", text)
    if not found:
        raise CliError("no installed distribution has a description: name some Markdown files or folders")
    return _named(sorted(found.items(), key=lambda item: item[0].lower()))


def documents_at(paths: Sequence[Path]) -> list[Document]:
    """The files, and in the folders all Markdown files at any depth; hidden folders are left out.

    Raises CliError if a path does not exist or can't be read, or if there is no text in any.
    """
    files = list(dict.fromkeys(file for path in paths for file in _files_at(path)))
    if not files:
        raise CliError(f"no Markdown files ({', '.join(SUFFIXES)}) in {_list(paths)}")
    texts = [(str(file), _read(file)) for file in files]
    if not any(text.strip() for _, text in texts):
        raise CliError(f"there is no text in {_list(paths)}")
    return _named([(name, text) for name, text in texts if text.strip()])


def _files_at(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for folder, subfolders, names in os.walk(path, onerror=_raise_unreadable):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            yield from (Path(folder, name) for name in sorted(names) if name.lower().endswith(SUFFIXES))
    elif path.is_file():
        yield path
    elif path.exists():
        raise CliError(f"neither a file nor a folder: {visible(str(path))}")
    else:
        raise CliError(f"no such file or folder: {visible(str(path))}")


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8", "replace")
    except OSError as exc:
        raise _unreadable(exc) from exc


def _raise_unreadable(exc: OSError) -> None:
    raise _unreadable(exc) from exc


def _unreadable(exc: OSError) -> CliError:
    return CliError(f"can't read {visible(str(exc.filename))}: {exc.strerror}")


def _list(paths: Sequence[Path]) -> str:
    return ", ".join(visible(str(path)) for path in paths)


def _named(texts: Sequence[tuple[str, str]]) -> list[Document]:
    """Documents with names that fit, and that are still different when they were shortened."""
    documents: dict[str, Document] = {}
    for full_name, text in texts:
        name, number = shorten_left(visible(full_name), NAME_WIDTH), 1
        while name in documents:
            number += 1
            name = f"{shorten_left(visible(full_name), NAME_WIDTH - 5)} ({number})"
        documents[name] = Document(name, text)
    return list(documents.values())
