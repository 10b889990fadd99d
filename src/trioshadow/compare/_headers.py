"""Two answers' headers, name by name: what differs, with secrets masked.

Values are the same if they are as texts, or mean the same by the header's definition (`_header_values.py`), or by a
rule. Set-Cookie is compared cookie by cookie (`_cookies.py`).
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from ._cookies import Cookie, cookies, same_cookies
from ._header_plan import HeaderPlan
from ._header_values import same_values

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
    primary: Headers, shadow: Headers, rules: HeaderPlan, *, content_length: bool
) -> list[HeaderChange]:
    """What differs, by name, and matters by the rules. Is Content-Length compared?"""
    changes: list[HeaderChange] = []
    ours, theirs = _by_name(primary), _by_name(shadow)
    for name in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(name, []), theirs.get(name, [])
        if a == b or rules.ignores(name) or (name == "content-length" and not content_length):
            continue
        bare = name.strip()
        if bare == "set-cookie":
            changes += _compare_cookies(name, a, b, rules)
        elif a and b and (same_values(bare, a, b) or rules.same(name, a, b)):
            continue
        elif bare in SENSITIVE:
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


def _compare_cookies(header: str, primary: list[str], shadow: list[str], rules: HeaderPlan) -> list[HeaderChange]:
    ours, theirs = cookies(primary), cookies(shadow)
    changes: list[HeaderChange] = []
    for cookie in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(cookie, []), theirs.get(cookie, [])
        ignored = rules.ignored_parts(cookie)
        if None not in ignored and not same_cookies(a, b, ignored):
            words = _cookie_words(a, a), _cookie_words(b, a)
            changes.append(HeaderChange(cut_name(header), *words, cut_name(cookie)))
    return changes


def _cookie_words(several: list[Cookie], primary: list[Cookie]) -> tuple[str, ...]:
    words: list[str] = []
    for index, cookie in enumerate(several):
        shown = [_mask(same=index >= len(primary) or cookie.value == primary[index].value)]
        shown += [
            (f"{key}={argument}" if argument else key) if key in _COOKIE_ATTRIBUTES else "***"
            for key, argument in cookie.attributes
        ]
        words.append("; ".join(shown))
    return _cut(words)
