"""The file that lines are added to: locked, and whole lines or nothing. It knows nothing of what is in them.

Each line is one `write()` to the operating system, and nothing waits in buffers of ours: what was written when the
process is killed is there. When the machine loses power, what the system had not yet written is not.
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
    """An open file at `path`. Its methods raise OSError, and leave it as it was."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd
        # Who is forgotten must not keep the lock: a sink that was cut off, in a process that goes on.
        self._close = weakref.finalize(self, os.close, fd)
        status = os.fstat(fd)
        self.size = status.st_size
        """Bytes, up to the end of the last whole line."""
        self._identity = status.st_dev, status.st_ino
        self._torn = False

    @classmethod
    def open(cls, path: Path) -> ActiveFile | None:
        """Open or make it, for its owner's eyes only (mode 0600); None: another process has it."""
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600)
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise OSError(f"{path} is no regular file")
                locked = lock(fd)
            except BaseException:
                os.close(fd)
                raise
            if not locked:
                os.close(fd)
                return None
            file = cls(path, fd)
            if file.in_place():
                return file
            file.close()  # its owner closed it as a segment before we had the lock

    def in_place(self) -> bool:
        """Is it still the file of this name? Somebody may have moved or removed it."""
        try:
            status = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def append(self, line: bytes) -> None:
        """Add a line. If that fails, what is there of it is cut off again; if that fails too, the next one begins with
        a line end.
        """
        rest = memoryview(b"\n" + line if self._torn else line)
        try:
            while rest:
                rest = rest[os.write(self.fd, rest) :]
        except OSError:
            try:
                os.ftruncate(self.fd, self.size)
            except OSError:
                self._torn = True
            else:
                self._torn = False
            raise
        self.size = self.size + len(line) if not self._torn else os.fstat(self.fd).st_size
        self._torn = False

    def modified_at(self) -> float:
        """When its last line was written, in seconds since the epoch."""
        return os.fstat(self.fd).st_mtime

    def first_line(self) -> bytes:
        """What it begins with, at most 4 KB of it."""
        return os.pread(self.fd, 4096, 0).partition(b"\n")[0]

    def close(self) -> None:
        """Let the system write it to the disk, and give up the lock."""
        try:
            with contextlib.suppress(OSError):
                os.fsync(self.fd)
        finally:
            self._close()
