"""Two answers' headers, name by name: what differs, with secrets masked.

Repeated headers are ordered lists (RFC 9110 §5.3). Set-Cookie is not one: each names a cookie, and their order means
nothing (RFC 6265 §4.1), so they are compared cookie by cookie.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

#: Lower-cased (name, value) pairs, sorted by name; repeats in their order.
Headers: TypeAlias = tuple[tuple[str, str], ...]

#: Values are cut to this many characters, and of one name this many values are kept.
_CHARACTERS, _VALUES = 256, 16
#: Of two answers' headers that differ so many keep their values, ...
VALUES_KEPT = 100
#: ... and so many their names.
NAMES_KEPT = 1_000

#: What lets somebody in, at servers, gateways and clouds that have a header of their own for it. Their values are
#: compared, and never kept; and they don't go to another origin unless they are named.
SENSITIVE = frozenset(
    (
        *("authorization", "proxy-authorization", "cookie", "set-cookie", "cookie2", "set-cookie2"),
        *("authentication-info", "proxy-authentication-info", "dpop"),
        *("x-api-key", "api-key", "apikey", "x-apikey", "x-api-token", "x-auth-key", "x-secret-key", "private-token"),
        *("x-auth-token", "x-access-token", "x-id-token", "x-refresh-token", "x-session-token", "x-session-id"),
        *("x-csrf-token", "x-csrftoken", "x-xsrf-token", "csrf-token"),
        *("x-forwarded-access-token", "x-auth-request-access-token", "x-vault-token", "x-gitlab-token"),
        *("x-amz-security-token", "x-amzn-oidc-data", "x-amzn-oidc-accesstoken"),
        *("x-goog-api-key", "x-goog-iam-authorization-token", "x-goog-iap-jwt-assertion"),
        *("ocp-apim-subscription-key", "x-functions-key", "x-ms-token-aad-access-token", "x-ms-token-aad-id-token"),
        *("cf-access-jwt-assertion", "cf-access-client-secret", "x-shopify-access-token"),
    )
)

#: What a cookie's attributes are called (RFC 6265 §4.1.1 and its revision); they are no secret, anything else may be.
_COOKIE_ATTRIBUTES = frozenset(
    ("expires", "max-age", "domain", "path", "secure", "httponly", "samesite", "partitioned", "priority")
)


@attrs.frozen
class HeaderChange:
    """The values of a header that differs."""

    name: str
    """Lower-case; `set-cookie` for each cookie that differs."""
    primary: tuple[str, ...]
    """The primary's values in their order, cut to 256 characters each, at most 16; empty if it sent none. Those of
    Authorization, Cookie, Set-Cookie and their like are masked: `***`. Of cookies the attributes are kept."""
    shadow: tuple[str, ...]
    """The shadow's."""
    cookie: str | None = None
    """The cookie's name, if the header is Set-Cookie."""


def compare_headers(
    primary: Headers, shadow: Headers, ignored: Callable[[str], object] | None, *, content_length: bool
) -> list[HeaderChange]:
    """What differs, by name. `ignored` says of a name whether it does not matter; is Content-Length compared?"""
    changes: list[HeaderChange] = []
    ours, theirs = _by_name(primary), _by_name(shadow)
    for name in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(name, []), theirs.get(name, [])
        if a == b or (ignored is not None and ignored(name)) or (name == "content-length" and not content_length):
            continue
        if name.strip() == "set-cookie":
            changes += _compare_cookies(name, a, b)
        elif name.strip() in SENSITIVE:
            changes.append(HeaderChange(cut_name(name), masked(a, a), masked(b, a)))
        else:
            changes.append(HeaderChange(cut_name(name), _cut(a), _cut(b, a)))
    return changes


def _by_name(headers: Headers) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return values


def cut_name(name: str) -> str:
    """What is kept of a name."""
    return name[:_CHARACTERS]


def _cut(values: list[str], others: list[str] | None = None) -> tuple[str, ...]:
    cut = [value if len(value) <= _CHARACTERS else value[:_CHARACTERS] + "…" for value in values[:_VALUES]]
    # From their beginnings, and not where they differ: what tells a secret is what stands before it.
    for index, (value, other) in enumerate(zip(values[:_VALUES], others or (), strict=False)):
        if len(value) > _CHARACTERS < len(other) and value != other and value[:_CHARACTERS] == other[:_CHARACTERS]:
            cut[index] += " (another)"
    return tuple(cut) if len(values) <= _VALUES else (*cut, f"… ({len(values):,} values)")


def masked(values: list[str], primary: list[str]) -> tuple[str, ...]:
    # That two secrets differ is seen only if the masks do.
    # "Another" only where there is one to compare it with.
    return _cut([_mask(same=primary[index : index + 1] in ([value], [])) for index, value in enumerate(values)])


def _mask(*, same: bool) -> str:
    return "***" if same else "*** (another)"


def _compare_cookies(header: str, primary: list[str], shadow: list[str]) -> list[HeaderChange]:
    ours, theirs = _cookies(primary), _cookies(shadow)
    changes: list[HeaderChange] = []
    for cookie in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(cookie, []), theirs.get(cookie, [])
        if a != b:
            words = _cookie_words(a, a), _cookie_words(b, a)
            changes.append(HeaderChange(cut_name(header), *words, cut_name(cookie)))
    return changes


#: A cookie's value, and its attributes in lower case, sorted.
_Cookie: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


def _cookies(values: list[str]) -> dict[str, list[_Cookie]]:
    cookies: dict[str, list[_Cookie]] = {}
    for value in values:
        pair, *attributes = value.split(";")
        name, _, content = pair.partition("=") if "=" in pair else ("", "", pair)  # RFC 6265bis §5.6: a value alone
        parts = (attribute.partition("=") for attribute in attributes)
        found = tuple(sorted((key.strip().lower(), argument.strip()) for key, _, argument in parts))
        cookies.setdefault(name.strip(), []).append((content.strip(), found))
    return cookies


def _cookie_words(cookies: list[_Cookie], primary: list[_Cookie]) -> tuple[str, ...]:
    words: list[str] = []
    for index, (content, attributes) in enumerate(cookies):
        shown = [_mask(same=index >= len(primary) or content == primary[index][0])]
        shown += [
            (f"{key}={argument}" if argument else key) if key in _COOKIE_ATTRIBUTES else "***"
            for key, argument in attributes
        ]
        words.append("; ".join(shown))
    return _cut(words)
