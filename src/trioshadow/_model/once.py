"""What stands in the place of an object that can be read once, and only by the caller. Pure."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NoReturn

from .errors import type_name


class ReadOnceError(TypeError):
    """Something can be read once, and only the caller may."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} objects can be read once, and are left to the caller: return a list, mirror the function that "
            "reads them, or use Shadower.start() and pass what was read to primary_done()"
        )


def _nobody() -> None:
    return None


class ReadOnce:
    """In place of an object that the caller alone may read. Reading this one is a ReadOnceError.

    It does not hold the object, so that a leg keeps no file open that its caller has let go.
    """

    __slots__ = ("_of", "name")

    def __init__(self, value: object) -> None:
        self.name = type_name(type(value))
        try:
            self._of: Callable[[], object] = weakref.ref(value)
        except TypeError:  # as of `map`
            self._of = _nobody

    def stands_for(self, value: object) -> bool:
        """Is it in the place of this very object?"""
        return value is not None and self._of() is value

    def _refuse(self, *_: object) -> NoReturn:
        raise ReadOnceError(self.name)

    __iter__ = __next__ = __aiter__ = __anext__ = __await__ = __enter__ = __aenter__ = __len__ = __getitem__ = _refuse
    __exit__ = __aexit__ = _refuse

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name}: {ReadOnceError(self.name)}")

    def __repr__(self) -> str:
        return f"<{self.name}, which can be read once>"
