"""Sampling keys as people read them. Pure."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import DivergenceRecord, Verdict, encode_key
from trioshadow._model.keys import KEY_LIMIT, key_as_text, key_of_text, map_key, shown_key
from trioshadow.asgi._request import AsgiHead
from trioshadow.http import HttpRequest, key_cookie, key_header

ID = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (b"", ""),
        ((), ""),
        ("user-7", "user-7"),
        (42, "42"),
        (ID, str(ID)),
        ("a b", "a b"),
        ("\ud800\x1b[2J", "\\ud800\\u001b[2J"),
        (b"\x00\xff", "\\u0000\\xff"),
        (("user", 42), "user 42"),
        (("user", ID), f"user {ID}"),
        (("tenant", ("user", -1)), "tenant (user -1)"),
        (("only",), "(only)"),
        (((1, 2),), "((1 2))"),
        (("a b", "", 'say "x"', "\ud800"), '"a b" "" "say \\"x\\"" \\ud800'),
        ((b"\xff", "é"), "\\xff é"),
        ("1:2,3:4", "1:2,3:4"),
        ("3:ab,", "3:ab,"),
        ("01:a,", "01:a,"),
        ("1:a,2024", "1:a,2024"),
    ],
)
def test_a_key_is_shown_as_what_it_is(key, shown):
    assert shown_key(encode_key(key)) == shown


@pytest.mark.parametrize("key", [b"1:ab", b"1:abcd,", b"1:a,1:bc,d"])
def test_what_only_begins_like_several_is_shown_as_it_is(key):
    assert shown_key(key) == key.decode()


def test_the_key_of_a_request_is_its_method_and_target():
    assert shown_key(encode_key(HttpRequest("GET", "https://api.test/users/1?full=1"))) == "GET /users/1?full=1"
    head = AsgiHead({"method": "GET", "path": "/users/1", "raw_path": b"/users/1"})
    assert shown_key(encode_key(head)) == "GET /users/1"
    request = HttpRequest("POST", "/orders", {"X-User": "ada", "Cookie": "sid=1"}, b"a lamp")
    assert shown_key(encode_key(request)) == "POST /orders c7916eee76e233584c29ead053c1d822"
    assert shown_key(encode_key(key_header("x-user")(request))) == "ada"
    assert shown_key(encode_key(key_cookie("sid")(request))) == key_cookie("sid")(request)


def test_a_key_that_was_cut_is_shown_as_far_as_it_goes():
    for target in ("/search?q=" + "ü" * 200, "/" + "x" * 300):
        shown = shown_key(encode_key(("GET", target))[:KEY_LIMIT])
        assert shown.startswith(f"GET {target[:20]}")
        assert shown.endswith("…")
        assert shown.removeprefix("GET ").removesuffix("…") in target  # no half of a character
    nested = encode_key(("tenant", ("x" * 200, "y" * 99)))[:KEY_LIMIT]
    assert shown_key(nested).startswith(f"tenant ({'x' * 200} yyy")
    assert shown_key(nested).endswith("yyy…)")
    within_a_length = encode_key(("x" * 250, "y" * 12))[: KEY_LIMIT - 1]
    assert shown_key(within_a_length + b"1") == "x" * 250 + " …"
    assert shown_key(b"9" * KEY_LIMIT) == "9" * KEY_LIMIT
    assert shown_key(b"999:" + b"a" * KEY_LIMIT) == "999:" + "a" * KEY_LIMIT
    assert shown_key(b"1:a,x:" + b"a" * KEY_LIMIT) == "1:a,x:" + "a" * KEY_LIMIT


def test_depth_is_bounded():
    key = "x"
    for _ in range(50):
        key = (key, 1)
    assert shown_key(encode_key(key)).startswith("((((((")
    assert map_key(encode_key(key), lambda part: part) == encode_key(key)


KEYS = st.recursive(
    st.text() | st.binary() | st.integers() | st.uuids(), lambda some: st.lists(some, max_size=4).map(tuple)
)


@given(KEYS)
def test_what_a_key_was_made_of_is_seen(key):
    shown = shown_key(encode_key(key))
    assert shown.isprintable()

    def leaves(part):
        return [leaf for one in part for leaf in leaves(one)] if isinstance(part, tuple) else [part]

    for leaf in leaves(key):
        if isinstance(leaf, int | uuid.UUID) or (isinstance(leaf, str) and leaf.isalnum() and leaf.isprintable()):
            assert str(leaf) in shown


@given(st.binary() | st.binary(min_size=250, max_size=300) | KEYS.map(lambda key: encode_key(key)[:KEY_LIMIT]))
def test_any_bytes_are_shown_and_steer_no_terminal(encoded):
    shown = shown_key(encoded)
    assert shown.isprintable()
    shown.encode()
    assert key_of_text(key_as_text(encoded)) == encoded
    if len(encoded) < KEY_LIMIT:
        assert map_key(encoded, lambda part: part) == encoded
    shown_key(map_key(encoded, lambda part: part)).encode()


def test_any_text_is_a_key():
    assert key_of_text("\ud800") == b"\\ud800"


def test_the_items_of_a_key_are_mapped():
    assert map_key(encode_key(("a", ("b", 1))), bytes.upper) == encode_key(("A", ("B", 1)))
    assert map_key(b"ab", bytes.upper) == b"AB"
    cut = encode_key(("get", "x" * 300))[:KEY_LIMIT]
    assert shown_key(map_key(cut, lambda part: part[:3])) == "get xxx…"


def test_a_record_tells_its_key():
    record = DivergenceRecord(b"3:GET,8:/users/1,", "", Verdict.DIVERGED, None, None, 0.0, None, None)
    assert record.key_text == "GET /users/1"
    assert "users" not in repr(record)
