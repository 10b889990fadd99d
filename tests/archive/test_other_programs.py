"""Other programs at the file that is written to: all ways of logrotate, of editors, of shells. Real files, no Trio.

Each way is tried between two lines, and between the look at the file and the line, or right after that.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trioshadow.archive import ProblemKind
from trioshadow.archive._lines import record_line
from trioshadow.archive._writing import active_file as active_files
from trioshadow.archive._writing import writer as writers

from tests.support.archives import Said, keys, problems, record, writer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="open files can't be renamed there")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.jsonl"


def write(target, *names, epoch=""):
    for name in names:
        target.write(record_line(record(name.encode(), epoch=epoch)), epoch)


def own_files(path):
    return [file for file in path.parent.iterdir() if len(file.name) == len("a.jsonl.0123abcd")]


# ── the ways, and how many of the records before are gone with them ──────────────────────────────────────────────────


def moved(path):
    path.rename(path.with_name("moved"))


def moved_and_made_again(path):
    moved(path)
    path.touch(0o640)


def moved_and_compressed_at_once(path):
    path.with_name("moved.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    path.touch()


def copied_and_cut_off(path):
    shutil.copyfile(path, path.with_name("copy"))
    os.truncate(path, 0)


def cut_off_by_the_shell(path):
    path.open("w").close()


def cut_off_in_a_line(path):
    os.truncate(path, path.stat().st_size - 10)


def made_longer(path):
    os.truncate(path, path.stat().st_size + 5000)


def removed(path):
    path.unlink()


def edited_in_a_copy(path):
    """`sed -i`, and editors that write a new file and rename it."""
    new = path.with_name("sedXYZ")
    new.write_bytes(path.read_bytes().replace(b"GET", b"PUT"))
    new.rename(path)


def edited_in_a_copy_that_lacks_a_line(path):
    new = path.with_name("sedXYZ")
    new.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    new.rename(path)


def edited_in_place(path):
    """Editors that write the same file anew."""
    path.write_bytes(path.read_bytes().replace(b"GET", b"RETRIEVE"))


def written_over_by_what_an_editor_had_read_before(path):
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]) + b"a long note\n" * 500)


def made_one_line_of_the_same_size(path):
    path.write_bytes(path.read_bytes().replace(b"\n", b" "))


def without_its_first_line(path):
    path.write_bytes(path.read_bytes().partition(b"\n")[2])


def put_in_the_place_of(path):
    path.with_name("other").write_bytes(b"something else\n")
    path.with_name("other").rename(path)


def added_to(path):
    with path.open("ab") as file:
        file.write(b"a whole line\n")


def added_half_a_line_to(path):
    with path.open("ab") as file:
        file.write(b"half a line")


def linked(path):
    os.link(path, path.with_name("link"))


def linked_and_removed(path):
    linked(path)
    path.unlink()


def without_permissions(path):
    path.chmod(0)


def all_moved(path):
    """The directory is renamed, and made again."""
    path.parent.rename(path.parent.with_name("away"))
    path.parent.mkdir()


LOST = {
    moved: 0,
    moved_and_made_again: 0,
    moved_and_compressed_at_once: 3,
    copied_and_cut_off: 3,
    cut_off_by_the_shell: 3,
    cut_off_in_a_line: 1,
    made_longer: 0,
    removed: 3,
    edited_in_a_copy: 0,
    edited_in_a_copy_that_lacks_a_line: 1,
    edited_in_place: 0,
    written_over_by_what_an_editor_had_read_before: 2,
    made_one_line_of_the_same_size: 3,
    without_its_first_line: 3,
    put_in_the_place_of: 3,
    added_to: 0,
    added_half_a_line_to: 0,
    linked: 0,
    linked_and_removed: 0,
    without_permissions: 0,
    all_moved: 0,
}
UNSEEN = {made_longer, added_to, added_half_a_line_to, linked, without_permissions}
MOVED = {moved, moved_and_made_again, linked_and_removed, all_moved}


def of(ways):
    return pytest.mark.parametrize("way", ways, ids=lambda way: way.__name__)


@pytest.fixture
def archive(tmp_path):
    """In a directory of its own, which may be moved."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home" / "a.jsonl"


@of(LOST)
def test_what_is_written_afterwards_is_read_and_what_is_gone_is_counted_and_said(archive, way):
    said = Said()
    target = writer(archive, said)
    write(target, "a", "b", "c")
    way(archive)
    write(target, "d")
    write(target, "e")
    found = keys(archive)
    expected = 0 if way in MOVED else 3 - LOST[way]
    assert found == [*[b"a", b"b", b"c"][:expected], b"d", b"e"]
    assert target.removed_records == LOST[way]
    words = f": {LOST[way]} record{'s' * (LOST[way] > 1)} gone" if LOST[way] else ""
    expected_said = [] if way in UNSEEN else [f"another program moved, removed or changed {archive}{words}"]
    assert said == expected_said
    target.close()
    assert archive.read_bytes().endswith(b'"snapshots":0}\n')


@of(LOST)
def test_at_the_end_of_a_run_what_is_gone_is_counted_and_the_file_left_as_it_is(archive, way):
    """A `close` line alone would make a file that is no archive. The next process begins anew."""
    target = writer(archive)
    write(target, "a", "b", "c")
    way(archive)
    before = archive.read_bytes() if archive.exists() else None
    target.close()
    assert target.removed_records == LOST[way]
    if way not in UNSEEN:
        assert (archive.read_bytes() if archive.exists() else None) == before
    write(writer(archive), "d")
    assert keys(archive)[-1] == b"d"


@pytest.mark.parametrize("when", ["before", "after"])
@of(LOST)
def test_in_the_very_moment_of_a_line_it_is_read_all_the_same(archive, way, when, monkeypatch):
    """Between the look and the line, and between the line and the second look: it is written again where need be.

    A file of the same size is looked at before the next line only: then it is counted.
    """
    target = writer(archive)
    write(target, "a", "b", "c")
    real, ways = os.write, [way]

    def interrupted(fd, data):
        if when == "before" and ways:
            ways.pop()(archive)
        count = real(fd, data)
        if ways:
            ways.pop()(archive)
        return count

    monkeypatch.setattr(os, "write", interrupted)
    write(target, "d")
    monkeypatch.undo()
    write(target, "e")
    target.close()
    files = [archive, *(other for name in ("moved", "link") if (other := archive.with_name(name)).exists())]
    if way is all_moved:
        files.append(archive.parent.with_name("away") / archive.name)
    found = {key for file in files for key in keys(file)}
    assert b"d" in found or (way is made_one_line_of_the_same_size and target.removed_records == 4)
    assert b"e" in keys(archive)


def test_the_line_that_opens_a_segment_is_its_first(path, monkeypatch):
    """Another program may be faster, in a file that was just made. No reader would take it."""
    real, ways = os.write, [added_to]

    def interrupted(fd, data):
        if ways:
            ways.pop()(path)
        return real(fd, data)

    monkeypatch.setattr(os, "write", interrupted)
    write(writer(path), "a")
    assert keys(path) == [b"a"]


def test_a_file_that_changes_each_time_is_an_error(path, monkeypatch):
    target = writer(path)
    write(target, "a")
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: (cut_off_by_the_shell(path), real(fd, data), removed(path))[1])
        with pytest.raises(active_files.ChangedError, match="was changed while a line was written"):
            write(target, "b")
    write(target, "c")
    assert keys(path) == [b"c"]
    assert target.removed_records == 1


# ── something else has its name ──────────────────────────────────────────────────────────────────────────────────────


def linked_elsewhere(path):
    path.with_name("victim").write_bytes(b"precious\n")
    path.symlink_to(path.with_name("victim"))


def linked_nowhere(path):
    path.symlink_to(path.with_name("nowhere"))


def linked_to_where_it_was_moved(path):
    path.symlink_to(path.with_name("moved"))


@of([os.mkfifo, os.mkdir, linked_elsewhere, linked_nowhere, linked_to_where_it_was_moved])
def test_where_something_else_has_its_name_lines_go_beside_it(path, way):
    """A pipe is not waited for, a link not followed. When the name is free again, it is taken again."""
    said = Said()
    target = writer(path, said, max_segment_bytes=2048)
    write(target, "a")
    moved(path)
    before = path.with_name("moved").read_bytes()
    way(path)
    write(target, *"bcdefghij")
    assert said[0] == f"another program moved, removed or changed {path}"
    assert "can't be written any more" in said[1]
    assert target.active.parent == path.parent
    assert target.active != path
    assert {*"bcdefghij"} <= {key.decode() for key in keys(path)}
    assert path.with_name("moved").read_bytes() == before
    assert not path.with_name("nowhere").exists()
    if way is linked_elsewhere:
        assert path.with_name("victim").read_bytes() == b"precious\n"
    (path.rmdir if way is os.mkdir else path.unlink)()
    write(target, *"klmnopqrs")
    assert target.active == path
    target.close()
    assert sorted(keys(path)) == [key.encode() for key in "bcdefghijklmnopqrs"]
    assert problems(path) == []


def test_what_can_not_be_had_from_the_start_is_an_error(path):
    """Who named it must know."""
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write(writer(path), "a")
    assert own_files(path) == []


@pytest.mark.parametrize("attribute", ["a", "i"])
def test_append_only_and_immutable_files_lose_nothing(path, attribute):
    target = writer(path)
    write(target, "a", epoch="1")
    done = subprocess.run(["chattr", f"+{attribute}", str(path)], capture_output=True, check=False, text=True)
    if done.returncode:
        pytest.skip(f"chattr can't be used here: {done.stderr.strip()}")
    try:
        write(target, "b", epoch="1")
        write(target, "c", epoch="2")
        assert target.active != path
    finally:
        subprocess.run(["chattr", f"-{attribute}", str(path)], check=True)
    write(target, "d", epoch="3")
    assert target.active == path
    assert sorted(keys(path)) == [b"a", b"b", b"c", b"d"]
    assert problems(path) == []


def test_a_file_that_takes_no_more_is_closed_and_the_line_goes_to_the_next(path, monkeypatch):
    """As one that was made immutable, where there is no `chattr`."""
    target = writer(path, compress=False)
    write(target, "a")
    real, refused = os.write, [PermissionError(errno.EPERM, "Operation not permitted")]

    def refusing(fd, data):
        if refused:
            raise refused.pop()
        return real(fd, data)

    monkeypatch.setattr(os, "write", refusing)
    write(target, "b")
    assert keys(path) == [b"a", b"b"]
    assert len(list(path.parent.iterdir())) == 2


def test_pipes_and_directories_that_are_called_like_segments_stop_nothing(path):
    for number, make in enumerate((os.mkfifo, os.mkdir)):
        make(path.with_name(f"a.jsonl.20200101T000000-00000000-00000{number}"))
    (path.with_name("a.jsonl.20200101T000000-00000000-000001") / "in it").touch()
    os.mkfifo(path.with_name("a.jsonl.20200101T000000-00000000-000000.gz.tmp"))
    target = writer(path, max_segment_bytes=2048, max_total_bytes=8192)
    write(target, *map(str, range(40)))
    assert keys(path)[-1] == b"39"


def test_where_no_segment_can_be_deleted_what_comes_is_refused_and_not_written(path, monkeypatch):
    """There is a bound, and what is refused is not there all the same."""
    target = writer(path, max_segment_bytes=1024, max_total_bytes=2048, compress=False)

    def refuse(self, **arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    written = []
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        for number in range(20):
            with contextlib.suppress(OSError):
                write(target, f"{number}")
                written.append(b"%d" % number)
        with pytest.raises(OSError, match="the oldest segments can't be deleted"):
            write(target, "refused")
    assert keys(path) == written
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < 2048 + 200  # and some `close` lines
    write(target, "a")
    assert keys(path)[-1] == b"a"


# ── half lines ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def limited():
    """A function that limits the size of files, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_may_not_become_larger_is_a_full_disk(path, limited):
    target = writer(path)
    write(target, "a")
    limited(path.stat().st_size + 100)
    with pytest.raises(OSError, match="File too large"):
        write(target, "lost")
    limited(1 << 30)
    write(target, "b")
    assert keys(path) == [b"a", b"b"]
    assert problems(path) == []


@of([cut_off_by_the_shell, cut_off_in_a_line, added_to, added_half_a_line_to, made_one_line_of_the_same_size])
@pytest.mark.parametrize("moment", ["in the line", "in the cut"])
def test_a_failed_write_leaves_no_hole_and_no_half_line_before_the_next(path, monkeypatch, way, moment):
    """The disk is full, and another program is at the file in the middle of it, or just before the half line is cut."""
    target = writer(path, compress=False)
    write(target, "a", "b")
    real, cut = os.write, os.ftruncate

    def full(fd, data):
        real(fd, bytes(data[:50]))
        if moment == "in the line":
            way(path)
        raise OSError(errno.ENOSPC, "No space left on device")

    def meanwhile(fd, size):
        monkeypatch.setattr(os, "ftruncate", cut)
        if moment == "in the cut":
            way(path)
        cut(fd, size)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        patch.setattr(os, "ftruncate", meanwhile)
        with pytest.raises(OSError, match="No space left"):
            write(target, "lost")
    monkeypatch.setattr(os, "ftruncate", cut)
    write(target, "c", "d")
    assert keys(path)[-2:] == [b"c", b"d"]
    assert {kind for kind, _ in problems(path)} <= {ProblemKind.FOREIGN, ProblemKind.TORN}
    everything = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"\0" not in everything
    if moment == "in the line" and way in (cut_off_in_a_line, added_to):
        assert keys(path)[0] == b"a", "and nothing else is cut off"
        assert (b"a whole line\n" in everything) == (way is added_to)


# ── another process ──────────────────────────────────────────────────────────────────────────────────────────────────


FORKED = """
import os, sys
from pathlib import Path
from tests.archive.test_other_programs import write
from tests.support.archives import writer

target = writer(Path(sys.argv[1]))
write(target, "before")
child = os.fork()
if not child:
    write(target, "child")
    target.close()
    os._exit(0)
os.waitpid(child, 0)
write(target, "after")
assert target.active == Path(sys.argv[1])
"""


def test_a_forked_child_is_a_run_of_its_own(path):
    """It leaves its parent's file, and the lock of it, to the parent."""
    subprocess.run([sys.executable, "-c", FORKED, str(path)], check=True, cwd=Path(__file__).parents[2])
    assert sorted(keys(path)) == [b"after", b"before", b"child"]
    assert len(own_files(path)) == 1
    assert problems(path) == []


@pytest.mark.parametrize("left", [b"[" * 5000, b'{"t":"open","v":1,"run":"0123abcd","segment":1e999}\n', b"\0" * 9000])
def test_whatever_is_there_hinders_nobody(path, left):
    path.write_bytes(left)
    write(writer(path), "a")
    assert keys(path) == [b"a"]


def test_a_line_longer_than_any_reader_takes_is_refused(path, monkeypatch):
    monkeypatch.setattr(writers, "LONGEST", 1000)
    with pytest.raises(ValueError, match="a line must be at most 1000 bytes long"):
        writer(path).write(b"x" * 1001, "")
    assert not Path(path).exists()
