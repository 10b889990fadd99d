"""HttpRequest, its keys, URLs, header fields, operation names, and bodies inflated under a limit. Pure."""

from __future__ import annotations

import gzip
import hashlib
import re
import sys
import tracemalloc
import zlib

import attrs
import brotli
import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import BodyTooLarge, ResponseRecord, ShadowConfig, encode_key
from trioshadow._model.immutable import is_immutable
from trioshadow.http import HttpRequest, allow_methods, key_cookie, key_header
from trioshadow.http._answer import record_of
from trioshadow.http._codings import inflatable, inflate
from trioshadow.http._fields import without_hop_by_hop
from trioshadow.http._operations import LIMIT, OTHERS, OperationNames, template_path
from trioshadow.http._urls import checked_base_url, join, on_the_wire, origin_of, shown_url, target_of

from tests.support.hostile import zstd

# ── the request ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_is_frozen_and_immutable_all_the_way_down():
    request = HttpRequest("GET", "/x", {"A": "1"}, bytearray(b"body"))
    assert request.headers == (("A", "1"),)
    assert type(request.body) is bytes
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request.method = "POST"
    assert is_immutable(request)
    assert hash(request) == hash(HttpRequest("GET", "/x", [(b"A", b"1")], memoryview(b"body")))


def test_header_pairs_keep_their_order_case_and_repeats():
    headers = [("B", "1"), (b"a", b"\xe9"), ("b", b"2")]
    request = HttpRequest("GET", "/", headers)
    assert request.headers == (("B", "1"), ("a", "é"), ("b", "2"))
    assert request.header("b") == "1"
    assert request.header("A") == "é"
    assert request.header("c") is None


def test_a_cookie_is_found_among_others():
    request = HttpRequest("GET", "/", [("X", "b=0"), ("Cookie", "a=1; sid=x=y"), ("cookie", "b=2; a=3; flag")])
    assert request.cookie("a") == "1"
    assert request.cookie("sid") == "x=y"
    assert request.cookie("b") == "2"
    assert request.cookie("flag") == ""
    assert request.cookie("c") is None


def test_bad_requests_are_refused_by_name():
    with pytest.raises(ValueError, match="method must not be empty"):
        HttpRequest("", "/")
    with pytest.raises(TypeError, match="method must be a str, not bytes"):
        HttpRequest(b"GET", "/")
    with pytest.raises(ValueError, match="url must not be empty"):
        HttpRequest("GET", "")
    for url in ("users/7", "?x=1", "api.old/users", "#f"):
        with pytest.raises(ValueError, match="url must be absolute, or a target as in /users/7"):
            HttpRequest("GET", url)
    with pytest.raises(TypeError, match="body must be bytes, not str"):
        HttpRequest("GET", "/", (), "text")
    with pytest.raises(TypeError, match="headers: a value must be str or bytes, not int"):
        HttpRequest("GET", "/", {"a": 1})


def test_the_repr_shows_no_secret():
    request = HttpRequest("GET", "https://u:pw@h/p?token=t", {"Authorization": "Bearer s"}, b"body")
    assert repr(request) == "<HttpRequest GET /p?..., 1 headers, 4 bytes>"
    assert repr(HttpRequest("GET", "/p")) == "<HttpRequest GET /p, 0 headers, 0 bytes>"


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_request_becomes_the_clients_and_comes_back(library):
    theirs = library.Request("POST", "https://api.test/a%2Fb?q=%20", headers={"X-A": "1"}, content=b"body")
    ours = HttpRequest.from_httpx(theirs)
    assert (ours.method, ours.url, ours.body) == ("POST", "https://api.test/a%2Fb?q=%20", b"body")
    assert ours.header("x-a") == "1"
    back = ours.to_httpx(library.Request)
    assert type(back) is library.Request
    assert (back.method, back.url, back.headers.raw, back.content) == (
        *(theirs.method, theirs.url, theirs.headers.raw, theirs.content),
    )
    assert type(ours.to_httpx()) is httpx.Request
    with pytest.raises(ValueError, match="a request whose url is a target has no place to go to"):
        HttpRequest("GET", "/x").to_httpx()


def test_a_streamed_body_must_be_read_before_it_is_taken():
    async def body():
        yield b"x"

    with pytest.raises(httpx.RequestNotRead):
        HttpRequest.from_httpx(httpx.Request("POST", "https://h/", content=body()))


# ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_key_is_method_and_target_and_a_hash_of_the_body_if_there_is_one():
    assert encode_key(HttpRequest("GET", "https://api.old/u?x=1#f", {"A": "1"})) == encode_key(("GET", "/u?x=1"))
    digest = hashlib.sha256(b"password").hexdigest()[:32]
    assert encode_key(HttpRequest("PUT", "/u", (), b"password")) == encode_key(("PUT", "/u", digest))


def test_a_header_is_the_key_as_it_is_and_a_secret_one_as_a_hash():
    request = HttpRequest("GET", "/", {"X-User-Id": "42", "Authorization": "Bearer t"})
    assert key_header("x-user-id")(request) == "42"
    digest = hashlib.sha256(b"Bearer t").hexdigest()[:32]
    assert key_header("Authorization")(request) == digest
    with pytest.raises(KeyError):
        key_header("x-other")(request)


def test_a_cookie_is_the_key_as_a_hash():
    request = HttpRequest("GET", "/", {"Cookie": "sid=s3cret"})
    assert key_cookie("sid")(request) == hashlib.sha256(b"s3cret").hexdigest()[:32]
    with pytest.raises(KeyError):
        key_cookie("other")(request)


# ── what may be mirrored ────────────────────────────────────────────────────────────────────────────────────────────


def test_only_safe_methods_may_be_mirrored_unless_more_are_named():
    def may(method):
        return HttpRequest(method, "/").__trioshadow_may_mirror__()

    assert [
        method for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "get") if may(method)
    ] == [
        *("GET", "HEAD", "OPTIONS"),
    ]
    more = allow_methods("POST")
    assert more(HttpRequest("POST", "/"))
    assert more(HttpRequest("GET", "/"))
    assert not more(HttpRequest("DELETE", "/"))
    for bad in ((), (1,)):
        with pytest.raises(TypeError, match="allow_methods takes names of methods"):
            allow_methods(*bad)
    for bad in ("post", ""):
        with pytest.raises(ValueError, match="methods are case-sensitive"):
            allow_methods(bad)
    ShadowConfig(may_mirror=more)


def test_a_shadows_copy_may_not_be_mirrored_again():
    copy = HttpRequest("GET", "/", {"X-Shadow": "1"})
    assert copy.marked
    assert not copy.__trioshadow_may_mirror__()
    assert not allow_methods("GET")(copy)


# ── URLs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "target", "origin"),
    [
        ("https://API.test/a%2fb?q=%20", "/a%2fb?q=%20", "https://api.test"),
        ("http://h:80", "/", "http://h"),
        ("http://h:8080?x=/y", "/?x=/y", "http://h:8080"),
        ("http://h#f", "/", "http://h"),
        ("https://u:p@h:443/x#f", "/x", "https://h"),
        ("http://[::1]:8080/x", "/x", "http://[::1]:8080"),
        ("/x?u=http://other/", "/x?u=http://other/", None),
        ("*", "*", None),
        ("/a#b", "/a#b", None),
        ("/a//b/../c", "/a//b/../c", None),
    ],
)
def test_targets_and_origins(url, target, origin):
    assert target_of(url) == target
    assert origin_of(url) == origin
    assert HttpRequest("GET", url).target == target
    assert HttpRequest("GET", url).origin == origin


def test_on_the_wire_only_what_is_no_visible_ascii_is_escaped():
    visible = "".join(map(chr, range(0x21, 0x7F)))
    assert on_the_wire(visible) == visible.encode()
    assert on_the_wire("/日 %41") == b"/%E6%97%A5%20%41"


def test_a_target_is_joined_to_a_base_url_byte_for_byte():
    assert join("https://new/v2", "/a%2fb?q") == "https://new/v2/a%2fb?q"
    assert join("https://new", "*") == "https://new/"


@pytest.mark.parametrize(
    "url",
    [
        *("", "new", "ftp://h", "http://", "http://h:0", "http://h:port", "http://h:99999", "http://[::1", "//h"),
        *("http://h/?q=1", "http://h/#f", "http://h /", "http://h\n", "https://münchen.test"),
    ],
)
def test_a_base_url_must_be_one(url):
    with pytest.raises(
        ValueError,
        match=re.escape(f"base_url must be a URL as in https://api.example:8443/prefix, not {shown_url(url)!r}"),
    ):
        checked_base_url(url, "base_url")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ada:pw@h/v1?token=1", "https://***@h/v1?..."),
        ("https://a:p/w@h", "https://***@h"),
        ("https://a:p?w#x@h/y", "https://***@h/y"),
        ("https://h/#access_token=1", "https://h/#..."),
        ("users?q", "users?..."),
        ("/plain", "/plain"),
        ("x" * 201, "x" * 200 + "x..."),
    ],
)
def test_urls_are_shown_without_what_may_be_secret(url, shown):
    assert shown_url(url) == shown


def test_a_base_url_loses_its_last_slash():
    assert checked_base_url("http://h/", "base_url") == "http://h"
    assert checked_base_url(httpx.URL("https://h:8443/v2/"), "base_url") == "https://h:8443/v2"


# ── header fields ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_about_the_connection_is_dropped_and_what_connection_names():
    headers = [
        *((b"Connection", b"keep-alive, X-Hop"), (b"Keep-Alive", b"5"), (b"Transfer-Encoding", b"chunked")),
        *((b"TE", b"trailers"), (b"Trailer", b"x"), (b"Upgrade", b"h2c"), (b"X-Hop", b"1"), (b"X-Kept", b"2")),
    ]
    assert without_hop_by_hop(headers) == [(b"X-Kept", b"2")]


# ── operations ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/", "/"),
        ("/users", "/users"),
        ("/users/42", "/users/{id}"),
        ("/users/42/", "/users/{id}/"),
        ("/v2/users", "/v2/users"),
        ("/o/6f1c0f5e-7c1e-4a8e-9d0e-3b1f0a2c4d5e/x", "/o/{id}/x"),
        ("/commits/deadbeef1", "/commits/{id}"),
        ("/facade/deadbeef", "/facade/deadbeef"),
        ("/t/eyJhbGciOiJIUzI1NiJ9", "/t/{id}"),
        ("/users/ada@example.org", "/users/{id}"),
        ("/files/a%20b", "/files/{id}"),
        ("/orders/ord_123", "/orders/{id}"),
        ("/well-known-configuration", "/well-known-configuration"),
        ("/internationalization", "/internationalization"),
    ],
)
def test_ids_in_paths_are_templated(path, template):
    assert template_path(path) == template


def test_a_path_without_end_is_cut():
    assert template_path("/a" * 30) == "/a" * 20 + "/..."
    assert len(template_path("/" + "a" * 10_000)) == 200


def test_operation_names_are_bounded():
    names = OperationNames()
    for number in range(LIMIT):
        assert names.name("GET", f"/x{number}y") == f"GET /x{number}y"
    assert names.name("GET", "/one-too-many") == OTHERS
    assert names.name("GET", "/x0y") == "GET /x0y"


# ── codings ─────────────────────────────────────────────────────────────────────────────────────────────────────────

PLAIN = b"hello " * 1000


def raw_deflate(body):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("coding", CODINGS)
def test_each_coding_is_inflated_up_to_its_limit_and_not_beyond(coding):
    packed = CODINGS[coding](PLAIN)
    assert inflate(packed, coding, len(PLAIN)) == PLAIN
    with pytest.raises(BodyTooLarge, match="the body inflates to more than 5,999 bytes"):
        inflate(packed, coding, len(PLAIN) - 1)
    assert inflate(CODINGS[coding](b""), coding, 0) == b""


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_takes_no_memory(coding):
    bomb = CODINGS[coding](bytes(50_000_000))
    tracemalloc.start()
    with pytest.raises(BodyTooLarge):
        inflate(bomb, coding, 100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_that_breaks_off_is_an_error(coding):
    with pytest.raises(ValueError, match="the body can't be inflated: it breaks off"):
        inflate(CODINGS[coding](PLAIN)[:-5], coding, 10_000)


@pytest.mark.parametrize("coding", CODINGS)
def test_garbage_is_an_error(coding):
    with pytest.raises(ValueError, match="the body can't be inflated: "):
        inflate(b"this is not compressed", coding, 10_000)


def test_several_codings_are_undone_in_their_order():
    assert inflate(gzip.compress(zlib.compress(PLAIN)), "deflate, gzip", 10_000) == PLAIN
    assert inflate(PLAIN, "identity,", 10_000) == PLAIN


def test_gzip_may_have_several_members_and_padding():
    assert inflate(gzip.compress(b"a") + gzip.compress(b"b") + bytes(9), "gzip", 2) == b"ab"
    with pytest.raises(BodyTooLarge):
        inflate(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", 1)


def test_zstd_may_have_several_frames():
    pack = CODINGS["zstd"]
    assert inflate(pack(b"a") + pack(b"b"), "zstd", 2) == b"ab"


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_body_of_very_many_parts_is_refused_before_it_takes_time(coding):
    with pytest.raises(ValueError, match="it has more than 100"):
        inflate(CODINGS[coding](b"") * 101, coding, 10)


def test_more_than_three_codings_are_refused():
    assert inflate(b"x", "identity, identity, identity", 10) == b"x"
    with pytest.raises(ValueError, match="more than 3 content codings"):
        inflate(b"x", "identity, identity, identity, identity", 10)


@pytest.mark.parametrize("coding", CODINGS)
def test_an_empty_body_needs_no_inflating(coding):
    assert inflate(b"", coding, 10) == b""


def test_an_unknown_coding_is_named_and_a_missing_library_too(monkeypatch):
    with pytest.raises(ValueError, match="the content coding 'compress' can't be inflated"):
        inflate(b"x", "compress", 10)
    assert inflatable() == {"gzip", "x-gzip", "deflate", "br", "zstd"}
    monkeypatch.setitem(sys.modules, "brotli", None)
    inflatable.cache_clear()
    assert inflatable() == {"gzip", "x-gzip", "deflate", "zstd"}
    with pytest.raises(ValueError, match=re.escape("without brotli: pip install 'trioshadow[codings]'")):
        inflate(b"x", "br", 10)
    inflatable.cache_clear()


@given(st.lists(st.binary(max_size=50), max_size=3), st.integers(0, 200))
def test_gzip_agrees_with_the_standard_library_within_the_limit(bodies, limit):
    packed = b"".join(map(gzip.compress, bodies))
    whole = b"".join(bodies)
    if len(whole) <= limit:
        assert inflate(packed, "gzip", limit) == whole
    else:
        with pytest.raises(BodyTooLarge):
            inflate(packed, "gzip", limit)


# ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_is_of_the_message_and_not_of_how_it_was_sent():
    headers = [
        *((b"Content-Type", b"text/plain"), (b"Content-Encoding", b"gzip"), (b"Content-Length", b"21")),
        (b"Connection", b"close"),
    ]
    record = record_of("GET", 200, headers, gzip.compress(b"x"), 100)
    assert record == ResponseRecord(b"x", headers={"content-type": "text/plain"})
    plain = record_of("GET", 200, [(b"content-length", b"1"), (b"content-encoding", b"identity")], b"x", 100)
    assert plain.body == b"x"
    assert plain.headers == ()


@pytest.mark.parametrize(("coding", "status"), [("compress", 200), ("gzip", 200), ("gzip", 206)])
def test_a_body_that_cannot_be_inflated_is_compared_as_it_was_sent(coding, status):
    body = gzip.compress(b"x") if status == 206 else b"no gzip"
    record = record_of("GET", status, [(b"content-encoding", coding.encode())], body, 100)
    assert record == ResponseRecord(body, status=status, headers={"content-encoding": coding})


def test_codings_may_be_in_several_headers():
    headers = [(b"content-encoding", b"gzip"), (b"Content-Encoding", b"deflate, gzip")]
    body = gzip.compress(zlib.compress(gzip.compress(b"x")))
    assert record_of("GET", 200, headers, body, 100) == ResponseRecord(b"x")


def test_a_body_that_inflates_to_too_much_is_too_large():
    with pytest.raises(BodyTooLarge):
        record_of("GET", 200, [(b"content-encoding", b"gzip")], gzip.compress(bytes(101)), 100)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_an_answer_without_a_body_on_the_wire_has_none(method, status):
    record = record_of(method, status, [(b"content-length", b"1"), (b"content-encoding", b"gzip")], b"x", 100)
    assert record.body == b""
    assert ("content-length", "1") in record.headers
