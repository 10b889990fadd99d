"""Headers: by name, lists in order, cookies by name, secrets masked. Pure."""

from __future__ import annotations

import pytest

from trioshadow import Divergence, HeaderDiff, IgnoreField, ResponseRecord, ShadowConfig
from trioshadow.compare import HeaderChange
from trioshadow.compare._headers import SENSITIVE

CONFIG = ShadowConfig()


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


def test_content_length_is_said_once():
    lengths = {"content-length": "1"}, {"content-length": "2"}
    assert diff(*lengths, bodies=(b"a", b"bb")) is None
    assert diff(*lengths, bodies=(b"[1]", b"[ 1]")) is None  # the bodies are the same, though written differently
    assert diff(*lengths, bodies=(b"a", b"bb"), config=ShadowConfig(ignore=[IgnoreField.BODY])) is None
    assert diff(*lengths).changed == ("content-length",)  # as an answer to HEAD has
    both = [{**length, "etag": str(length)} for length in lengths]
    assert diff(*both, bodies=(b"a", b"bb")).changed == ("etag",)
