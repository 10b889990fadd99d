"""Which answers refuse who is not known, and which of these a lack explains. Pure."""

from __future__ import annotations

import pytest

from trioshadow import ResponseRecord
from trioshadow._model.fixing import Deferred
from trioshadow._model.refusal import Lack, Refusal, refusal_in, refusal_of

NONE, FORBIDDEN, UNKNOWN = Refusal

LOGINS = [
    *("/login", "/Login", "/LOGIN.php", "/wp-login.php", "/Account/Login?ReturnUrl=%2Fme", "/users/sign_in", "login"),
    *("/sign-in", "/signin", "/signin-oidc", "/log-in", "/logon.jsp", "/loginpage", "../login", "/a/b/auth/c", "/auth"),
    *("/sso", "/saml2/acs", "/oauth2/authorize?x=1", "/oauth", "/session/new", "/sessions/new/", "/%6cogin"),
    *("/#/login", "/openid/start"),
    *("https://accounts.example/", "https://account.example", "//accounts.example/x", "https://login.example/x"),
    *("https://SSO.example.com", "https://my-auth.example/", "https://tenant.auth0.com/u", "https://acme.okta.com"),
    *("https://example/app#!/login", "https://idp.example:8443/profile"),
]
ELSEWHERE = [
    *("", "/", "/me", "/authors/7", "/author", "/blogging", "/design/in", "/?next=/login", "/x?login=1", "/catalog/in"),
    *("/session", "/sessions/7", "/new", "/session/newer", "/my-session/new", "https://example.com/accounts/7"),
    *("https://my.accounts.example", "https://example.com", "//[oops", "/#login", "http://[::1]/", "/en/signing"),
]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", LOGINS)
def test_a_redirect_to_a_login_refuses(status, location):
    assert refusal_of(status, location) is UNKNOWN


@pytest.mark.parametrize("location", ELSEWHERE)
def test_a_redirect_to_anywhere_else_does_not(location):
    assert refusal_of(302, location) is NONE


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(401, UNKNOWN), (407, UNKNOWN), (403, FORBIDDEN), *((status, NONE) for status in (200, 204, 304, 400, 404, 500))],
)
def test_a_status_refuses_whatever_its_location(status, refusal):
    assert refusal_of(status, "") is refusal_of(status, "/login") is refusal


def test_a_location_is_looked_at_as_far_as_it_is_reasonable():
    assert refusal_of(302, "/" + "a" * 5_000 + "/login") is NONE


def test_an_answer_says_how_it_refuses_and_anything_else_nothing():
    assert refusal_in(ResponseRecord(b"", status=401)) is UNKNOWN
    assert refusal_in(ResponseRecord(b"", status=302, headers={"Location": "/login"})) is UNKNOWN
    assert refusal_in(ResponseRecord(b"")) is NONE
    assert refusal_in(Deferred(ResponseRecord, b"", refusal=FORBIDDEN)) is FORBIDDEN
    assert refusal_in(Deferred(ResponseRecord, b"")) is NONE
    for answer in (b"401", None, {"status": 401}, 401):
        assert refusal_in(answer) is NONE


@pytest.mark.parametrize(
    ("shadow", "primary", "explained"),
    [
        (UNKNOWN, NONE, True),
        (UNKNOWN, FORBIDDEN, True),  # that one knew who it was
        (UNKNOWN, UNKNOWN, False),
        (FORBIDDEN, NONE, True),
        (FORBIDDEN, FORBIDDEN, False),
        (FORBIDDEN, UNKNOWN, False),
    ],
)
def test_a_lack_explains_a_refusal_where_the_primary_refused_less(shadow, primary, explained):
    assert Lack(["cookie"], "", shadow).explains(primary) is explained


def test_a_lack_of_all_sides_explains_every_refusal():
    assert all(Lack(["cookie"], "", FORBIDDEN, of_all=True).explains(primary) for primary in Refusal)


def test_names_are_in_lower_case_each_once_and_bounded():
    lack = Lack(["Cookie", "cookie", "X-" + "a" * 99, *(f"x-{n}" for n in range(20))], "r" * 999, UNKNOWN)
    assert len(lack.names) == 8
    assert lack.names[0] == "cookie"
    assert max(map(len, lack.names)) == 64
    assert len(lack.remedy) == 400
