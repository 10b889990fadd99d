"""ForwardedHeaders, pure: headers in, headers out. The forms of `Forwarded` are those of RFC 7239."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow.asgi import ForwardedHeaders, _forwarded
from trioshadow.asgi._forwarded import quoted

CLAIMED = [
    (b"x-forwarded-for", b"10.9.9.9"),
    (b"X-Forwarded-For", b"10.8.8.8"),
    (b"forwarded", b"for=10.9.9.9;proto=https"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"public.example"),
]


async def seen(headers=((b"host", b"example.com"),), client=("192.0.2.60", 1234), trust=False, **scope):
    """What the application sees in its scope."""
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)

    given_scope = {"type": "http", "scheme": "http", "client": client, "headers": list(headers), **scope}
    before = {**given_scope, "headers": list(given_scope["headers"])}
    await ForwardedHeaders(app, trust=trust)(given_scope, None, None)
    assert given_scope == before  # the server's own, and the application's alone is new
    return scopes[0]["headers"]


async def test_they_say_who_asked_for_what_and_how():
    assert await seen([(b"a", b"1"), (b"host", b"example.com"), (b"b", b"2")]) == [
        *((b"a", b"1"), (b"host", b"example.com"), (b"b", b"2")),
        (b"x-forwarded-for", b"192.0.2.60"),
        (b"x-forwarded-proto", b"http"),
        (b"x-forwarded-host", b"example.com"),
        (b"forwarded", b"for=192.0.2.60;proto=http;host=example.com"),
    ]


async def test_what_the_client_claims_is_dropped():
    assert await seen([*CLAIMED, (b"host", b"example.com"), *CLAIMED]) == await seen()


async def test_what_a_trusted_proxy_says_is_continued():
    assert (await seen([*CLAIMED, (b"host", b"inner.example")], trust=True))[1:] == [
        (b"x-forwarded-for", b"10.9.9.9, 10.8.8.8, 192.0.2.60"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"public.example"),
        (b"forwarded", b"for=10.9.9.9;proto=https, for=192.0.2.60;proto=http;host=inner.example"),
    ]


async def test_with_trust_and_nothing_said_it_is_as_without():
    assert await seen(trust=True) == await seen()


@pytest.mark.parametrize(
    ("client", "plain", "node"),
    [
        ("192.0.2.60", b"192.0.2.60", b"192.0.2.60"),
        ("2001:db8::17", b"2001:db8::17", b'"[2001:db8::17]"'),
        ("fe80::1%eth0", b"fe80::1", b'"[fe80::1]"'),
        ("::ffff:192.0.2.60", b"192.0.2.60", b"192.0.2.60"),
        ("testclient", b"unknown", b"unknown"),
        ("", b"unknown", b"unknown"),
        (None, b"unknown", b"unknown"),
    ],
)
async def test_addresses_have_the_form_of_each_header(client, plain, node):
    headers = dict(await seen(client=(client, 1) if client is not None else None))
    assert headers[b"x-forwarded-for"] == plain
    assert headers[b"forwarded"].startswith(b"for=" + node + b";")


@pytest.mark.parametrize(
    ("host", "parameter"),
    [
        (b"example.com", b"host=example.com"),
        (b"example.com:8080", b'host="example.com:8080"'),
        (b"[::1]:8080", b'host="[::1]:8080"'),
        (b'a";for="10.0.0.1', rb'host="a\";for=\"10.0.0.1"'),
        (b"a\\", rb'host="a\\"'),
    ],
)
async def test_a_host_can_not_end_its_parameter(host, parameter):
    headers = dict(await seen([(b"Host", host)]))
    assert headers[b"forwarded"] == b"for=192.0.2.60;proto=http;" + parameter
    assert headers[b"x-forwarded-host"] == host


@given(st.binary())
def test_a_quoted_value_reads_back(value):
    text = quoted(value)
    if text != value:
        inner = text[1:-1].replace(rb"\\", b"\0\0").replace(rb"\"", b"\0\1")
        assert b'"' not in inner
        assert text == b'"' + value.replace(b"\\", rb"\\").replace(b'"', rb"\"") + b'"'
    else:
        assert value.isascii()
        assert not set(value) & set(b'"\\;,= :[]()\n\r\0')


async def test_without_a_host_nothing_is_said_of_it():
    assert await seen([], http_version="1.0") == [
        (b"x-forwarded-for", b"192.0.2.60"),
        (b"x-forwarded-proto", b"http"),
        (b"forwarded", b"for=192.0.2.60;proto=http"),
    ]


@pytest.mark.parametrize(("scheme", "proto"), [("https", b"https"), ("ws", b"http"), ("wss", b"https")])
async def test_the_scheme_is_that_of_http(scheme, proto):
    kind = "websocket" if scheme.startswith("ws") else "http"
    headers = dict(await seen(CLAIMED, type=kind, scheme=scheme))
    assert headers[b"x-forwarded-proto"] == proto
    assert b";proto=" + proto in headers[b"forwarded"]


async def test_lifespan_passes_through():
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)

    scope = {"type": "lifespan"}
    await ForwardedHeaders(app)(scope, None, None)
    assert scopes[0] is scope


def test_examples_hold():
    assert doctest.testmod(_forwarded).failed == 0
