"""Which credentials the copy of a request lacked, and how to send them. Pure.

A backend that withholds headers looks here when it was refused, and tells its leg the names, and what to change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus

import attrs

from trioshadow._model.refusal import PROXY_STATUS, Refusal, refusal_of
from trioshadow.compare import SENSITIVE

from ._header_lists import HeaderLists
from ._request import HttpRequest

#: What headers of one's own that let somebody in are called. (An author does not.)
_LIKE = re.compile(r"token|secret|passw|auth(?!ors?(?:$|[-_]))|session|jwt|credential|api-?key|cookie|signature")


def is_credential(name: str) -> bool:
    """Does a header of this name, in lower case, let somebody in, as far as its name tells?

    >>> is_credential("cookie"), is_credential("x-acme-token"), is_credential("idempotency-key")
    (True, True, False)
    """
    return name in SENSITIVE or _LIKE.search(name) is not None


@attrs.frozen
class Causes:
    """Why headers did not go along, by name. One may have several causes."""

    unnamed: tuple[str, ...]
    """They carry credentials, and are not named to go to another origin."""
    not_allowed: tuple[str, ...]
    """A list of headers that alone go along does not have them."""
    dropped: tuple[str, ...]
    """A list of headers that don't go along has them."""

    @classmethod
    def of(cls, names: list[str], lists: HeaderLists, unnamed: Callable[[str], bool]) -> Causes:
        """Those of names in lower case; `unnamed` tells of a name whether it would have to be named."""
        return cls(
            tuple(name for name in names if unnamed(name)),
            tuple(name for name in names if not lists.allows(name)),
            tuple(name for name in names if lists.drops(name)),
        )

    @property
    def names(self) -> list[str]:
        """All of them, each once."""
        return list(dict.fromkeys((*self.unnamed, *self.not_allowed, *self.dropped)))


def refusal_by(status: int, headers: Iterable[tuple[bytes, bytes]]) -> Refusal:
    """How an answer on the wire refuses."""
    if status < HTTPStatus.MULTIPLE_CHOICES:  # nearly always
        return Refusal.NONE
    return refusal_of(
        status, next((value.decode("latin-1") for name, value in headers if name.lower() == b"location"), "")
    )


def lacking(request: HttpRequest, sent: Iterable[str], status: int) -> list[str]:
    """The credentials that the request has and that were not `sent`, in lower case, those that are well known first.

    Of an answer of 407 only those for a proxy: nothing else explains it.
    """
    there = {name.lower() for name in sent}
    found = [name for name in {name.lower() for name, _ in request.headers} - there if is_credential(name)]
    if status == PROXY_STATUS:
        found = [name for name in found if name == "proxy-authorization"]
    return sorted(found, key=lambda name: (name not in SENSITIVE, name))


def remedy_in_code(backend: str, causes: Causes) -> str:
    """What to change of the arguments of a backend.

    >>> remedy_in_code("HttpBackend", Causes(("cookie",), (), ()))
    'HttpBackend(credentials=["cookie"])'
    """
    arguments: list[str] = []
    if causes.unnamed:
        arguments.append(f"credentials=[{_quoted(causes.unnamed)}]")
    if causes.not_allowed:
        arguments.append(f"allow_headers=[..., {_quoted(causes.not_allowed)}]")
    if causes.dropped:
        arguments.append(f"drop_headers= without {_quoted(causes.dropped)}")
    return f"{backend}({', '.join(arguments)})"


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
