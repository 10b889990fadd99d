"""What is needed of URLs, without changing a byte of their targets. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from trioshadow._model.checks import Check

_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_absolute(url: str) -> bool:
    """Has it a scheme and an authority?"""
    scheme, colon, _ = url.partition("://")
    return bool(colon) and not any(char in scheme for char in "/?#")


def shown_url(url: str) -> str:
    """A URL as it may stand in a message: without user, password and query, and not too long.

    >>> shown_url("https://ada:pw@api.test/v1?token=1")
    'https://***@api.test/v1?...'
    """
    url = _USER.sub("//***@", url)
    path = re.split("[?#]", url[:200], maxsplit=1)[0]
    return path if len(path) == len(url) else f"{path}{url[len(path)]}..."


#: Up to the last: what was not escaped in a password may look like the end of it.
_USER = re.compile(r"//.*@", re.DOTALL)


def target_of(url: str) -> str:
    """Path and query, byte for byte; the fragment of a URL is no part of a request.

    >>> target_of("http://h?q=%2F#f"), target_of("/a%2fb"), target_of("*")
    ('/?q=%2F', '/a%2fb', '*')
    """
    if not is_absolute(url):
        return url
    rest = url.partition("#")[0].partition("://")[2]
    ends = [index for index in (rest.find("/"), rest.find("?")) if index >= 0]
    target = rest[min(ends) :] if ends else "/"
    return target if target.startswith("/") else "/" + target


def origin_of(url: str) -> str | None:
    """Scheme, host and port in lower case, the scheme's default port left out; None if the URL has no origin.

    >>> origin_of("HTTPS://User:pw@API.test:443/x"), origin_of("/x")
    ('https://api.test', None)

    Raises ValueError for a port that is none, or brackets that do not close.
    """
    if not is_absolute(url):
        return None
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if ":" in host:
        host = f"[{host}]"
    shown_port = "" if port is None or port == _DEFAULT_PORTS.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


#: An httpx.URL, or httpx2's, is known by what it has.
_is_url = Check("a URL", lambda url: isinstance(url, str) or hasattr(url, "raw_path"), "a URL", lambda _: True)


def checked_base_url(url: object, parameter: str) -> str:
    """`url` without a `/` at its end, if a request can be sent below it.

    Raises TypeError or ValueError, naming the parameter, if it is not `http(s)://host[:port][/prefix]`.
    """
    _is_url.check(parameter, url)
    text = str(url)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
        usable = usable and not parts.query and not parts.fragment
    except ValueError:
        usable = False
    # A host beyond ASCII is sent and compared in its other spelling (`xn--...`).
    if not usable or not text.isascii() or any(char.isspace() or not char.isprintable() for char in text):
        raise ValueError(f"{parameter} must be a URL as in https://api.example:8443/prefix, not {shown_url(text)!r}")
    return text.rstrip("/")


#: All that can be in a target, and stays as it is.
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


def on_the_wire(target: str | bytes) -> bytes:
    """A target as it is sent: what is no visible ASCII is percent-encoded (RFC 3986 §2.5), and nothing else."""
    return quote(target, safe=_VISIBLE).encode("ascii")


def join(base_url: str, target: str) -> str:
    """The URL of a target below a base URL; `*` (RFC 9112 §3.2.4) has none of its own."""
    return base_url + (target if target.startswith("/") else "/" + target.removeprefix("*"))
