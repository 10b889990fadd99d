"""Which answers refuse a request that lacks credentials, and what a copy lacked: names and advice, never a value. Pure.

An answer refuses

- *whoever it does not know*: 401, 407, or a redirect (301, 302, 303, 307, 308) to a login;
- *whoever is not allowed to*: 403.

A redirect leads to a login if a segment of its path (or of a fragment that is a path, as `#/login`) or a label of its
host is made of the words of one. Words are what stands between other characters than letters and digits, in any case:

- a word that begins with `login`, `logon`, `oauth` or `saml`; or that is `signin`, `auth`, `auth0`, `authn`,
  `authenticate`, `authentication`, `authorize`, `sso`, `openid`, `oidc`, `idp` or `okta`;
- two words, `sign in`, `log in` or `log on`, in one segment: `/users/sign_in`, `/sign-in`;
- the segments `session/new` and `sessions/new`;
- a host whose first label is `account` or `accounts`.

`/wp-login.php`, `/Account/Login`, `/oauth2/authorize` and `https://accounts.example/` are logins; `/authors/7`,
`/design/in` and `/?next=/login` are not. An answer of 200 with a form to log in can't be told from any other.
"""

from __future__ import annotations

import enum
import itertools
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

from .fixing import Deferred
from .kinds import is_a
from .record import ResponseRecord


class Refusal(enum.IntEnum):
    """How an answer refuses; the later, the less the service knows of who asks."""

    NONE = 0
    """It does not."""
    FORBIDDEN = 1
    """Who asks is not allowed to, whoever that is."""
    UNKNOWN = 2
    """The service does not know who asks."""


_NONE = Refusal.NONE
#: No status below it refuses.
_LEAST = 300
#: The only status that says of credentials for a proxy that they are missing.
PROXY_STATUS = 407
_UNKNOWN = frozenset((401, PROXY_STATUS))
_FORBIDDEN = 403
_REDIRECTS = frozenset((301, 302, 303, 307, 308))

_WORD = re.compile(r"[a-z0-9]+")
_BEGINNINGS = ("login", "logon", "oauth", "saml")
_WORDS = frozenset(
    (
        *("auth", "auth0", "authn", "authenticate", "authentication", "authorize"),
        *("signin", "sso", "openid", "oidc", "idp", "okta"),
    )
)
_TWO_WORDS = frozenset((("sign", "in"), ("log", "in"), ("log", "on")))
_SESSIONS = frozenset(("session", "sessions"))
_ACCOUNTS = frozenset(("account", "accounts"))
#: Longer ones are looked at so far.
_LOCATION = 4_096


def refusal_of(status: int, location: str) -> Refusal:
    """How an answer refuses. `location`: the value of its header Location, empty if it has none.

    >>> refusal_of(302, "/users/sign_in?back=/me").name, refusal_of(302, "/authors/7").name
    ('UNKNOWN', 'NONE')
    """
    if status in _UNKNOWN or (status in _REDIRECTS and _leads_to_login(location)):
        return Refusal.UNKNOWN
    return Refusal.FORBIDDEN if status == _FORBIDDEN else _NONE


def refusal_in(answer: Any) -> Refusal:
    """The same of an answer as an edge or a backend gives it; NONE of what is no message of HTTP."""
    if type(answer) is Deferred:
        return Refusal(answer.refusal) if answer.refusal else _NONE
    if not is_a(answer, ResponseRecord):
        return _NONE
    record: ResponseRecord = answer
    if record.status < _LEAST:  # nearly always, and in the caller's time
        return _NONE
    return refusal_of(record.status, next((value for name, value in record.headers if name == "location"), ""))


def _leads_to_login(location: str) -> bool:
    try:
        parts = urlsplit(location[:_LOCATION])
        host = parts.hostname or ""
    except ValueError:  # brackets that do not close
        return False
    labels = host.split(".")
    if labels[0] in _ACCOUNTS or any(_is_login(_WORD.findall(label)) for label in labels):
        return True
    fragment = parts.fragment if "/" in parts.fragment else ""
    segments = [_WORD.findall(segment) for segment in unquote(f"{parts.path}/{fragment}").lower().split("/")]
    return any(map(_is_login, segments)) or any(
        after == ["new"] and len(segment) == 1 and segment[0] in _SESSIONS
        for segment, after in itertools.pairwise(segments)
    )


def _is_login(words: list[str]) -> bool:
    return any(word in _WORDS or word.startswith(_BEGINNINGS) for word in words) or not _TWO_WORDS.isdisjoint(
        itertools.pairwise(words)
    )


#: Of one answer so many names are kept, of so many characters each; and of the advice so many characters.
NAMES_KEPT, NAME_KEPT, REMEDY_KEPT = 8, 64, 400


def _kept_names(names: Iterable[str]) -> tuple[str, ...]:
    """In lower case, each once, the first ones, in order."""
    first = list(dict.fromkeys(name.lower()[:NAME_KEPT] for name in names))[:NAMES_KEPT]
    return tuple(sorted(first))


def _kept_remedy(text: str) -> str:
    return text[:REMEDY_KEPT]


@attrs.frozen
class Lack:
    """That a copy of a request lacked credentials, and was answered with a refusal. An edge tells it of a leg."""

    names: tuple[str, ...] = attrs.field(converter=_kept_names)
    """Of the headers that the request has and its copy had not: at most eight, in lower case, cut to 64 characters."""
    remedy: str = attrs.field(converter=_kept_remedy)
    """What makes them go along, in the edge's own words: `--forward-credential cookie`. At most 400 characters."""
    refusal: Refusal
    """Of the answer to the copy."""
    of_all: bool = False
    """Did the primary's request lack them as well?"""

    def explains(self, primary: Refusal) -> bool:
        """Does the lack explain the refusal, where the primary's answer refuses so?

        Not where the primary, which had the credentials, knew no better who asks: then they are not what is missing.
        But 401 beside the primary's 403 is explained: that one knew who it was. Where nobody had them, a refusal says
        nothing of what happens with them.
        """
        return self.of_all or self.refusal > primary
