"""The file that lines are added to: locked, and whole lines or nothing. It knows nothing of what is in them.

Each line is one `write()` to the operating system, at the end of the file, and nothing waits in buffers of ours: what
was written when the process is killed is there. When the machine loses power, what the system had not yet written is
not.

Other programs move, replace, remove, cut off and rewrite files: logrotate, `sed -i`, an editor, `> file`. So the file
is looked at before each line, and once more after it, as all of this may happen in between: a line counts as written
only where it can be read. That is an `lstat`, two reads of some bytes and an `fstat`: 2 of the 40 µs that a record
takes.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import weakref
from pathlib import Path

if sys.platform != "win32":  # pragma: no branch
    import fcntl

#: A link is not followed, and a pipe is not waited for.
_CAREFULLY = sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))


#: So much of the last line is looked at before the next.
_TAIL = 256


class ChangedError(OSError):
    """Another program changed the file while a line was added: the line can't be read there."""


def open_regular(path: Path, flags: int) -> int:
    """Open or make a regular file, for its owner's eyes only (mode 0600). Raises OSError for anything else."""
    fd = os.open(path, flags | _CAREFULLY, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{path} is no regular file")
    return fd


def lock(fd: int) -> bool:
    """Take the advisory lock of an open file; False: another one has it. It is held until the file is closed."""
    if sys.platform != "win32":
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: as careful as one can be there
            return True
    return True


class ActiveFile:
    """An open file at `path`. Its methods raise OSError."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd
        # Who is forgotten must not keep the lock: a sink that was cut off, in a process that goes on.
        self._close = weakref.finalize(self, os.close, fd)
        status = os.fstat(fd)
        self.size = status.st_size
        """Bytes, as last seen."""
        self.head = b""
        """The first line, once there is one of ours."""
        #: The end of the last line of ours, and where it begins.
        self._tail, self._tail_at = b"", 0
        self._name = os.fspath(path)
        self._identity = status.st_dev, status.st_ino

    @classmethod
    def open(cls, path: Path) -> ActiveFile | None:
        """Open or make it; None: another process has it."""
        while True:
            fd = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            if not lock(fd):
                os.close(fd)
                return None
            file = cls(path, fd)
            if file._status() is not None:
                return file
            file.close()  # its owner closed it as a segment before we had the lock

    def look(self) -> bool:
        """Is it still the file of this name, with what was written? What others have added is left where it is."""
        status = self._status()
        if status is None or not (self._has(self.head, 0) and self._has(self._tail, self._tail_at)):
            return False
        self.size = status.st_size
        return True

    def append(self, line: bytes) -> None:
        """Add a line, on a line of its own. If that fails, what is there of it is cut off again.

        ChangedError: another program was faster, and the line is not there, or can't be read.
        """
        if self.size != self._tail_at + len(self._tail) and not self._is_line_end(self.size):
            line = b"\n" + line  # behind half a line: of others, or one that could not be cut off
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self.fd, rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                self._cut_off(line)
            raise
        start = self.size
        status = os.fstat(self.fd)
        if status.st_size != start + len(line) or not status.st_nlink:
            start = self._find(line)
        self.head = self.head or line
        self._tail = line[-_TAIL:]
        self._tail_at = start + len(line) - len(self._tail)
        self.size = status.st_size

    def modified_at(self) -> float:
        """When its last line was written, in seconds since the epoch."""
        return os.fstat(self.fd).st_mtime

    def first_line(self) -> bytes:
        """What it begins with, at most 4 KB of it."""
        return os.pread(self.fd, 4096, 0).partition(b"\n")[0]

    def is_removed(self) -> bool:
        """Has it no name any more?"""
        return not os.fstat(self.fd).st_nlink

    def close(self) -> None:
        """Let the system write it to the disk, and give up the lock."""
        try:
            with contextlib.suppress(OSError):
                os.fsync(self.fd)
        finally:
            self._close()

    def _status(self) -> os.stat_result | None:
        """Of the file of this name; None: that is another, or there is none."""
        try:
            status = os.lstat(self._name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return status if (status.st_dev, status.st_ino) == self._identity else None

    def _has(self, part: bytes, at: int) -> bool:
        return os.pread(self.fd, len(part), at) == part

    def _is_line_end(self, at: int) -> bool:
        return not at or self._has(b"\n", at - 1)

    def _find(self, line: bytes) -> int:
        """Where the line begins that was just written, if it can be read, whatever was added before and behind it."""
        start = os.lseek(self.fd, 0, os.SEEK_CUR) - len(line)
        if (
            (self.is_removed() and self._status() is None)  # not all file systems count links
            or (start and not self.head)  # a reader wants it to be the first line
            or not (line.startswith(b"\n") or self._is_line_end(start))
            or not (self._has(self.head, 0) and self._has(line, start))
        ):
            raise ChangedError(f"{self.path} was changed while a line was written")
        return start

    def _cut_off(self, line: bytes) -> None:
        """Cut off what is there of this line, and nothing else."""
        part = os.pread(self.fd, len(line), self.size)
        if part and line.startswith(part):
            os.ftruncate(self.fd, self.size)
            if self.size and self._has(b"\0", self.size - 1):
                os.ftruncate(self.fd, 0)  # another program emptied it just then, and so this has made a hole
