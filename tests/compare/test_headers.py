"""Headers: by name, lists in order, cookies by name, secrets masked. Pure."""

from __future__ import annotations

import pytest

from trioshadow import Divergence, HeaderDiff, IgnoreField, ResponseRecord, ShadowConfig
from trioshadow.compare import HeaderChange
from trioshadow.compare._headers import SENSITIVE

CONFIG = ShadowConfig()
NOON = "Wed, 21 Oct 2026 07:28:00 GMT"


def diff(primary, shadow, *, bodies=(b"", b""), config=CONFIG):
    records = [ResponseRecord(body, headers=headers) for body, headers in zip(bodies, (primary, shadow), strict=True)]
    divergence = Divergence.compare(*records, config)
    return None if divergence is None else divergence.headers


def test_names_in_any_case_and_repeats_in_order():
    assert diff({"ACCEPT": "1"}, {"accept": "1"}) is None
    assert diff([("a", "1"), ("b", "2"), ("a", "2")], [("b", "2"), ("A", "1"), ("A", "2")]) is None
    headers = diff([("a", "1"), ("a", "2"), ("c", "")], [("a", "2"), ("a", "1"), ("b", "x")])
    assert headers == HeaderDiff(("b",), ("c",), ("a",))
    assert headers.changes == (
        HeaderChange("a", ("1", "2"), ("2", "1")),
        HeaderChange("b", (), ("x",)),
        HeaderChange("c", ("",), ()),
    )


def test_values_are_cut():
    (change,) = diff({"a": "x" * 300}, [("a", str(number)) for number in range(20)]).changes
    assert change.primary == ("x" * 256 + "…",)
    assert change.shadow == (*map(str, range(16)), "… (20 values)")


def test_of_very_many_headers_a_hundred_keep_their_values():
    headers = diff({}, {f"x-{number:04}": "1" for number in range(1000)})
    assert (len(headers.added), len(headers.changes)) == (1000, 100)


@pytest.mark.parametrize("name", sorted(SENSITIVE - {"set-cookie"}))
def test_secrets_are_masked(name):
    headers = diff([(name, "secret 1"), (name, "secret 2")], [(name.title(), "secret 1"), (name, "secret 3")])
    assert headers.changed == (name,)
    assert headers.changes == (HeaderChange(name, ("***", "***"), ("***", "*** (another)")),)
    assert "secret " not in repr(headers)
    assert diff({name: "secret"}, {}).changes == (HeaderChange(name, ("***",), ()),)
    assert diff({}, {name: "secret"}).changes == (HeaderChange(name, (), ("***",)),)


def test_a_blank_after_a_name_unmasks_nothing():
    assert "s3cret" not in repr(diff({"Authorization ": "s3cret"}, {"set-cookie ": "s3cret"}))


def test_cookies_are_compared_by_name():
    one = [("Set-Cookie", "sid=s3cret; Path=/; HttpOnly"), ("Set-Cookie", "theme=dark")]
    other = [("Set-Cookie", "theme=dark"), ("Set-Cookie", "sid=s3cret; httponly; path=/")]
    assert diff(one, other) is None
    headers = diff(one, [("Set-Cookie", "sid=0ther; Path=/; Secure"), ("Set-Cookie", "lang=en"), one[1]])
    assert headers == HeaderDiff((), (), ("set-cookie",))
    assert headers.changes == (
        HeaderChange("set-cookie", (), ("***",), "lang"),
        HeaderChange("set-cookie", ("***; httponly; path=/",), ("*** (another); path=/; secure",), "sid"),
    )
    assert diff([], one).added == ("set-cookie",)
    # A cookie's attribute that nobody knows may be a secret in a broken header.
    (change,) = diff([("set-cookie", "a=1; s3cret=x; s3cret")], [("set-cookie", "a=1; Max-Age=3")]).changes
    assert change == HeaderChange("set-cookie", ("***; ***; ***",), ("***; max-age=3",), "a")
    # A cookie without a name is all value.
    (change,) = diff([("set-cookie", "s3cret")], []).changes
    assert (change.primary, change.cookie) == (("***",), "")
    # Twice the same name: in order.
    assert diff([("set-cookie", "a=1"), ("set-cookie", "a=2")], [("set-cookie", "a=2"), ("set-cookie", "a=1")])
    for broken in ("", ";", "=", "novalue", "a=b=c;;"):
        assert diff([("set-cookie", broken)], [("set-cookie", broken + "x")]) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("s=1; SameSite=lax", "s=1; SameSite=Lax"),
        ("s=1; Domain=.shop.example", "s=1; domain=Shop.Example"),  # RFC 6265 §5.2.3
        ("s=1; Secure; HttpOnly", "s=1;httponly=1;SECURE="),
        ("s=1; Path=/; Secure", "s=1; secure ; path = /;;"),
        ("s=1; Path=; Domain=", "s=1"),
        ("s=1; Path=/a; Path=/b", "s=1; Path=/b"),  # RFC 6265bis §5.7: the last one counts
        (f"s=1; Max-Age=60; Expires={NOON}", f"s=1; Max-Age=060; Expires={NOON.replace('28:00', '28:01')}"),
        (f"s=1; Max-Age=60; Expires={NOON}", "s=1; Max-Age=60"),
        (f"s=1; Expires={NOON}", "s=1; expires=Wednesday, 21-oct-26 07:28:00"),
        ("s=1; Max-Age=0", "s=1; Max-Age=-1"),  # RFC 6265bis §5.6.2: deleted
        ("s=; Max-Age=0", "s=; Expires=Thu, 01 Jan 1970 00:00:01 GMT"),
        ("s=1; Priority=High", "s=1; priority=HIGH"),
        (" s = 1 ", "s=1"),
    ],
)
def test_a_cookie_says_what_browsers_take_from_it(one, other):
    assert diff([("set-cookie", one)], [("set-cookie", other)]) is None
    assert diff([("set-cookie", other)], [("set-cookie", one)]) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("s=1", "S=1"),
        ("s=a", "s=A"),
        ("s=1", 's="1"'),
        ("s=1; SameSite=Lax", "s=1; SameSite=Strict"),
        ("s=1; SameSite=Lax", "s=1"),
        ("s=1; Path=/A", "s=1; Path=/a"),
        ("s=1; Domain=a.example", "s=1; Domain=b.example"),
        ("s=1; Domain=..a", "s=1; Domain=a"),
        ("s=1; Secure", "s=1"),
        ("s=1; Max-Age=60", "s=1; Max-Age=61"),
        ("s=1; Max-Age=60", "s=1"),
        (f"s=1; Max-Age=60; Expires={NOON}", f"s=1; Max-Age=61; Expires={NOON}"),
        (f"s=1; Expires={NOON}", f"s=1; Expires={NOON.replace('28:00', '28:01')}"),
        (f"s=1; Max-Age=60; Expires={NOON}", f"s=1; Expires={NOON}"),
        (f"s=1; Max-Age=60; Path=/; Expires={NOON}", "s=1; Max-Age=60"),
        ("s=1; x=a", "s=1; x=A"),
        ("s=1; value=2", "s=2; value=1"),
    ],
)
def test_and_what_it_tells_apart_is_a_difference(one, other):
    assert diff([("set-cookie", one)], [("set-cookie", other)]) is not None
    assert diff([("set-cookie", other)], [("set-cookie", one)]) is not None


def test_cookies_of_one_name_are_several_if_they_are_for_several_places():
    one = [("set-cookie", "a=1; Path=/x"), ("set-cookie", "a=2; Path=/y")]
    assert diff(one, one[::-1]) is None
    assert diff(one, [("set-cookie", "a=2; Path=/x"), ("set-cookie", "a=1; Path=/y")]) is not None
    assert diff(one, one[:1]) is not None


def test_lines_of_set_cookie_are_never_one():
    both = [("set-cookie", "a=1"), ("set-cookie", "b=2")]
    assert diff(both, [("set-cookie", "a=1, b=2")]) is not None


def test_content_length_is_said_once():
    lengths = {"content-length": "1"}, {"content-length": "2"}
    assert diff(*lengths, bodies=(b"a", b"bb")) is None
    assert diff(*lengths, bodies=(b"[1]", b"[ 1]")) is None  # the bodies are the same, though written differently
    assert diff(*lengths, bodies=(b"a", b"bb"), config=ShadowConfig(ignore=[IgnoreField.BODY])) is None
    assert diff(*lengths).changed == ("content-length",)  # as an answer to HEAD has
    both = [{**length, "etag": str(length)} for length in lengths]
    assert diff(*both, bodies=(b"a", b"bb")).changed == ("etag",)
