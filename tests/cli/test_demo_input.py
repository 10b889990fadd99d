"""Where the demo's documents come from. Real files, and an environment of fake distributions."""

from __future__ import annotations

import importlib.metadata

import pytest

from trioshadow.cli.common.errors import CliError
from trioshadow.cli.demo import documents as _demo_documents
from trioshadow.cli.demo.documents import NAME_WIDTH, documents_at, installed_documents


def install(folder, name, metadata):
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_bytes(metadata)
    return folder


def test_every_description_is_read_once_and_broken_ones_are_left_out(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    install(first, "zebra", b"Metadata-Version: 2.1\nName: zebra\nVersion: 1.0\n\n# Zebra\n")
    install(first, "Ant", b"Metadata-Version: 1.0\nName: Ant\nVersion: 1.0\nDescription: An ant.\n")
    install(first, "none", b"Metadata-Version: 2.1\nName: none\nVersion: 1.0\n")
    install(first, "unknown", b"Metadata-Version: 2.1\nName: unknown\nVersion: 1.0\n\nUNKNOWN\n")
    install(first, "latin", b"Metadata-Version: 2.1\nName: latin\nVersion: 1.0\n\n\xff\xfe\n")
    install(first, "nameless", b"Metadata-Version: 2.1\n\ntext\n")
    install(second, "zebra", b"Metadata-Version: 2.1\nName: zebra\nVersion: 1.0\n\nnot imported\n")
    found = list(importlib.metadata.distributions(path=[str(first), str(second)]))
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: found)
    documents = installed_documents()
    assert [(document.name, document.text.strip()) for document in documents] == [
        ("Ant 1.0", "An ant."),
        ("zebra 1.0", "# Zebra"),
    ]


def test_an_environment_without_descriptions_is_said(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "distributions", list)
    with pytest.raises(CliError, match="name some Markdown files"):
        installed_documents()


def test_files_are_taken_by_any_name_and_once(tmp_path):
    file = tmp_path / "README"
    file.write_bytes(b"\xff not UTF-8\n")
    (document,) = documents_at([file, file])
    assert document.text == "\N{REPLACEMENT CHARACTER} not UTF-8\n"


def test_long_names_fit_and_stay_different(tmp_path):
    folders = [tmp_path / ("x" * 60) / str(n) / ("y" * 60) for n in range(3)]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "a.md").write_text("text")
    names = [document.name for document in documents_at([tmp_path])]
    assert len(set(names)) == 3
    assert all(len(name) <= NAME_WIDTH for name in names)
    assert all("a.md" in name for name in names)


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    file = tmp_path / "a.md"
    file.write_text("text")

    def read_bytes(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(_demo_documents.Path, "read_bytes", read_bytes)
    with pytest.raises(CliError, match=r"can't read .*a\.md: Permission denied"):
        documents_at([tmp_path])


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def scandir(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.scandir", scandir)
    with pytest.raises(CliError, match="Permission denied"):
        documents_at([tmp_path])
