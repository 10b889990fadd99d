"""What two values of a header must have in common to be the same: by the header's definition, and no further. Pure."""

from __future__ import annotations

import itertools
import sys
from fractions import Fraction

import pytest

from trioshadow import Divergence, ResponseRecord, ShadowConfig
from trioshadow.compare._header_values import _KNOWN, LONGEST, same_values
from trioshadow.compare._http_dates import cookie_date, http_date
from trioshadow.compare._times import instant_of_header


def differs(primary, shadow):
    records = [ResponseRecord(b"", headers=headers) for headers in (primary, shadow)]
    return Divergence.compare(*records, ShadowConfig())


def lines(name, *values):
    return [(name, value) for value in values]


NOON = "Wed, 21 Oct 2026 07:28:00 GMT"

#: Name, the one spelling, the other, and where it is said; several lines as a list.
SAME = [
    # Lists, in one line or several.
    ("Vary", ["Accept", "Origin"], "Accept, Origin", "RFC 9110 §5.3"),
    ("X-Unknown", ["a", "b"], "a, b", "RFC 9110 §5.3"),
    ("X-Unknown", ["a", "b"], "a,b", "RFC 9110 §5.3"),
    ("X-Unknown", ["a, b", "c"], ["a", "b, c"], "RFC 9110 §5.3"),
    ("X-Unknown", ['"a, b"', "c"], '"a, b" ,c', "RFC 9110 §5.3"),
    ("X-Unknown", "1", " 1\t", "RFC 9110 §5.5"),
    ("ETag", '"1" ', '"1"', "RFC 9110 §5.5"),
    ("Via", ["1.1 a", "1.0 b"], "1.1 a,1.0 b", "RFC 9110 §7.6.3"),
    ("Allow", "GET,HEAD", "GET, HEAD", "RFC 9110 §5.6.1"),
    ("Allow", ", GET ,,\tHEAD,", "GET, HEAD", "RFC 9110 §5.6.1.2"),
    ("Warning", '199 a "b, c" , 110 d "e"', ['199 a "b, c"', '110 d "e"'], "RFC 7234 §5.5"),
    ("X-Forwarded-For", "::1,::2", "::1, ::2", "RFC 7239 §7.4"),
    # Sets.
    ("Vary", "Accept, origin", "Origin, accept", "RFC 9110 §12.5.5"),
    ("Vary", "Accept, *", "*", "RFC 9110 §12.5.5"),
    ("Allow", "GET, HEAD", "HEAD, GET", "RFC 9110 §10.2.1"),
    ("Allow", "GET, HEAD, GET", "HEAD, GET", "RFC 9110 §10.2.1"),
    ("Access-Control-Allow-Methods", "GET, PUT", "PUT,GET", "Fetch §3.3"),
    ("Access-Control-Allow-Headers", "X-A, x-b", "X-B,x-a", "RFC 9110 §5.1"),
    ("Access-Control-Expose-Headers", "ETag", "etag", "RFC 9110 §5.1"),
    ("Accept-Ranges", "Bytes", "bytes", "RFC 9110 §14.1"),
    ("Content-Language", "de, EN-gb", "en-GB, de", "RFC 9110 §8.5.1"),
    ("Connection", "Close, X-A", "x-a, close", "RFC 9110 §7.6.1"),
    ("Trailer", "X-A", "x-a", "RFC 9110 §6.6.2"),
    (
        "Accept-Patch",
        "application/json, text/x;Charset=UTF-8",
        'text/X;charset="utf-8",application/json',
        "RFC 5789 §3.1",
    ),
    ("Accept-Encoding", "gzip;q=0.50, br", "br;q=1.000, GZIP;Q=0.5", "RFC 9110 §12.4.2"),
    ("Accept-Encoding", "gzip;q=0.", "gzip;q=0", "RFC 9110 §12.4.2"),
    ("TE", "Trailers, deflate;Q=0.50", "deflate;q=0.5, trailers", "RFC 9110 §10.1.4"),
    ("Clear-Site-Data", '"cache", "cookies"', '"cookies", "cache"', "Clear Site Data §3.1"),
    # In order, in any case.
    ("Content-Encoding", "X-GZIP, br", "gzip,BR", "RFC 9110 §8.4.1"),
    ("Upgrade", "WebSocket", "websocket", "RFC 9110 §7.8"),
    ("Referrer-Policy", "no-referrer,Origin", ["no-referrer", "origin"], "Referrer Policy §4.1"),
    # One value.
    ("Age", "007", "7", "RFC 9111 §1.2.2"),
    ("Content-Length", "42, 42", "42", "RFC 9110 §8.6"),
    ("Access-Control-Max-Age", "0600", "600", "Fetch §3.3"),
    ("Retry-After", "0120", "120", "RFC 9110 §10.2.3"),
    ("Retry-After", NOON, "Wed Oct 21 07:28:00 2026", "RFC 9110 §5.6.7"),
    ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "RFC 9110 §5.6.7"),
    ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "RFC 9110 §5.6.7"),
    ("Last-Modified", NOON, "Wednesday, 21-Oct-26 07:28:00 GMT", "RFC 9110 §5.6.7"),
    ("Sunset", NOON, "Wed Oct 21 07:28:00 2026", "RFC 8594 §3"),
    ("Expires", NOON, "Wed Oct 21 07:28:00 2026", "RFC 9111 §5.3"),
    ("Expires", "0", "-1", "RFC 9111 §5.3"),
    ("Expires", "0", "Thu, 01 Jan 1970 00:00:00 GMT", "RFC 9111 §5.3"),
    ("Deprecation", "@1792567680", NOON, "RFC 9745 §2"),
    # Cookies: more of them are in test_headers.py.
    ("Set-Cookie", "s=1; Expires=0", "s=1", "RFC 6265bis §5.6.1: passed over"),
    ("Set-Cookie", "s=1; Expires=Sun, 31 Feb 2026 00:00:00 GMT", "s=1; Expires=never", "RFC 6265bis §5.1.1"),
    ("Set-Cookie", "s=1; Max-Age=soon", "s=1", "RFC 6265bis §5.6.2"),
    ("Set-Cookie", "s=1; Max-Age=60; Max-Age=-", "s=1; Max-Age=60", "RFC 6265bis §5.6.2"),
    ("Set-Cookie", f"s=1; Max-Age=soon; Expires={NOON}", f"s=1; Expires={NOON}", "RFC 6265bis §5.6.2"),
    ("Set-Cookie", f"s=1; Expires={' ' * 99}{NOON}", f"s=1; Expires={NOON}", "RFC 6265bis §5.1.1"),
    ("Set-Cookie", "s=1; Path=a", "s=1", "RFC 6265bis §5.6.4"),
    ("Set-Cookie", "s=1; Path=/a; Path=", "s=1", "RFC 6265bis §5.6.4"),
    ("Set-Cookie", "s=1; Domain=a; Domain=.", "s=1", "RFC 6265bis §5.6.3"),
    ("Set-Cookie", "s=1; SameSite=Lax; SameSite=x", "s=1", "RFC 6265bis §5.6.7"),
    ("Set-Cookie", ["s=1; Max-Age=5", "t=1", "s=2"], ["s=2", "t=1"], "RFC 6265bis §5.7: replaced"),
    ("Set-Cookie", ["s=1", "s=2; Secure", "s=3"], ["s=2; Secure", "s=3"], "RFC 6265bis §5.7: replaced"),
    ("Content-Range", "Bytes 0-1/2", "bytes 0-1/2", "RFC 9110 §14.1"),
    ("X-Content-Type-Options", "NoSniff", "nosniff", "Fetch §3.6"),
    ("X-Frame-Options", "Deny", "DENY", "RFC 7034 §2.1"),
    ("Location", "HTTP://Shop.Example:80", "http://shop.example/", "RFC 9110 §4.2.3"),
    ("Location", "https://u@EXAMPLE.com:/%7Esmith?a", "https://u@example.com/~smith?a", "RFC 9110 §4.2.3"),
    ("Location", "http://a:80?b", "http://a/?b", "RFC 9110 §4.2.3"),
    ("Content-Location", "/%c3%a9", "/%C3%A9", "RFC 3986 §6.2.2.1"),
    # A value with parameters.
    ("Content-Type", "text/html;charset=utf-8", 'Text/HTML;Charset="utf-8"', "RFC 9110 §8.3.1"),
    ("Content-Type", "text/html;charset=utf-8", 'text/html; charset="UTF-8"', "RFC 9110 §8.3.1"),
    ("Content-Type", "text/html;charset=utf-8", "text/html \t; ; charset=utf-8;", "RFC 9110 §5.6.6"),
    ("Content-Type", "a/b; c=1; d=2", "a/b; D=2; c=1", "RFC 9110 §5.6.6"),
    ("Content-Type", r'a/b; c="1\2;\""', r'a/b; c="12;\""', "RFC 9110 §5.6.4"),
    ("Content-Type", 'multipart/mixed; boundary="aB"', "multipart/mixed; boundary=aB", "RFC 2046 §5.1.1"),
    ("Content-Type", "multipart/form-data; boundary=a", "Multipart/Form-Data;boundary=b", "RFC 2046 §5.1.1"),
    ("Content-Disposition", 'Attachment; FileName="a.txt"', "attachment;filename=a.txt", "RFC 6266 §4.1"),
    ("Content-Disposition", "inline; filename*=utf-8''%e2%82", "inline; filename*=UTF-8''%E2%82", "RFC 8187 §3.2"),
    ("Link", '</a>; rel="next"; title=x', "</a>;Title=x;REL=next", "RFC 8288 §3"),
    ("Link", '</a,b;c>; rel="Next last", </d>', ["</d>", '</a,b;c> ; rel = "last next"'], "RFC 8288 §2, §3.3"),
    ("WWW-Authenticate", 'Basic realm="x"', "basic  Realm = x", "RFC 9110 §11.2"),
    ("WWW-Authenticate", ['Digest a=1, b="2, 3"', "Bearer"], 'digest b="2, 3",a=1, bearer', "RFC 9110 §11.6.1"),
    ("WWW-Authenticate", "Basic a=1, b=2, Digest c=3", ["Digest c=3", "Basic b=2, a=1"], "RFC 9110 §11.6.1"),
    (
        "WWW-Authenticate",
        "Negotiate abc==, Basic charset=UTF-8",
        ["negotiate abc==", "Basic charset=utf-8"],
        "RFC 7617 §2.1",
    ),
    ("Server-Timing", 'a;dur=1;desc="x", b', ["a; DESC=x; dur=1", "b"], "Server Timing §3"),
    ("Alt-Svc", 'h2=":443"; ma=060; persist=1, h3=":1"', ['h2=":443";persist=1;ma=60', 'h3=":1"'], "RFC 7838 §3"),
    ("Prefer", 'respond-async, wait="10"', "Wait=10,respond-async", "RFC 7240 §2"),
    ("Preference-Applied", 'return=minimal; a=""', "Return=minimal;A", "RFC 7240 §2"),
    # Directives.
    ("Cache-Control", "no-cache, max-age=0", "Max-Age=0, no-cache", "RFC 9111 §5.2"),
    ("Cache-Control", ["no-store", "max-age=060"], 'max-age="60",no-store,no-store', "RFC 9111 §5.2"),
    ("Cache-Control", 'private="Set-Cookie, x-a"', 'private="X-A,set-cookie"', "RFC 9111 §5.2.2.7"),
    ("CDN-Cache-Control", "max-age=5, private", "private,max-age=5", "RFC 9213 §2.1"),
    ("Pragma", "No-Cache", "no-cache", "RFC 9111 §5.4"),
    ("Keep-Alive", "timeout=5, max=100", "max=100,timeout=05", "RFC 2068 §19.7.1.1"),
    ("Digest", "SHA-256=aB==, md5=x", "md5=x,sha-256=aB==", "RFC 3230 §4.3.2"),
    (
        "Strict-Transport-Security",
        "max-age=31536000; includeSubDomains",
        'includesubdomains;MAX-AGE = "31536000";',
        "RFC 6797 §6.1",
    ),
    ("X-XSS-Protection", "1; mode=block", "1;Mode=block", "none"),
    (
        "Content-Security-Policy",
        "default-src 'self' https://a; img-src *; img-src b; ;",
        "IMG-SRC *;  Default-Src https://a\t'SELF'",
        "CSP3 §2.2.1",
    ),
    ("Content-Security-Policy", ["a b", "c d"], "c d, a b,", "CSP3 §8.1"),
    # Structured fields.
    ("Priority", "u=1, i=?1", "i,u=1", "RFC 9218 §4"),
    ("Priority", "u=2, u=1", "u=1", "RFC 9651 §3.2"),
    ("Cache-Status", "a;hit;ttl=1, b", ["a; ttl=1;hit=?1", "b"], "RFC 9211 §2"),
    ("Cache-Status", "a; ttl=1; ttl=2", "a; ttl=2", "RFC 9651 §3.1.2: the last one"),
    ("Permissions-Policy", "camera=(), usb=(self)", "usb=(self),camera=()", "Permissions Policy §5.2"),
    ("Permissions-Policy", 'usb=(self "https://a")', 'usb=( "https://a"  self self)', "Permissions Policy §9.2"),
    ("Permissions-Policy", "usb=(self *), camera=self", "usb=*, camera=(self)", "Permissions Policy §9.2"),
    ("No-Vary-Search", 'params=("a" "b")', 'params=("b" "a")', "No-Vary-Search §2.1"),
    # Policies.
    (
        "Content-Security-Policy",
        "script-src HTTPS://A.com/B *.C.com:443; frame-ancestors A.com//B 'SELF'",
        "frame-ancestors a.com//B 'self'; script-src *.c.com:443 https://a.com/B",
        "CSP3 §6.7.2.9",
    ),
    ("X-Frame-Options", ["DENY", "Deny"], "DENY", "HTML §7.7"),
    ("X-Content-Type-Options", "nosniff, nosniff", "nosniff", "Fetch §3.6"),
    ("X-XSS-Protection", "1; mode=BLOCK", "1; mode=block", "none"),
    ("X-Robots-Tag", "noindex, NoFollow", ["nofollow", "noindex"], "Google"),
    ("X-Robots-Tag", "max-snippet: 5, noindex", "NOINDEX,max-snippet:5", "Google"),
    ("X-Robots-Tag", "BadBot: noindex, nofollow", "badbot: NoIndex,nofollow", "Google"),
    # JSON.
    (
        "Report-To",
        '{"group": "a", "max_age": 1}, {"b": []}',
        ['{"max_age":1,"group":"a"}', '{"b":[]}'],
        "Reporting §3.1",
    ),
    (
        "NEL",
        '{"report_to":"\\u0061","success_fraction":0.5}',
        '{"success_fraction": 0.5, "report_to": "a"}',
        "NEL §4.1",
    ),
]


@pytest.mark.parametrize(("name", "one", "other", "source"), SAME)
def test_what_a_standard_calls_the_same_is_no_difference(name, one, other, source):
    assert source
    one, other = (lines(name, *([side] if isinstance(side, str) else side)) for side in (one, other))
    assert differs(one, other) is None
    assert differs(other, one) is None


#: What looks like it, and means something else, or may.
ANOTHER = [
    ("X-Unknown", "a,b", "a, b", "it may be no list"),
    ("X-Unknown", "a, b", "b, a", "and if, one in order"),
    ("X-Unknown", ["a", "b"], ["b", "a"], "RFC 9110 §5.3"),
    ("X-Unknown", ["a", "b"], "a b", "no comma"),
    ("X-Unknown", ['"a', 'b"'], '"a,b"', "a quoted string is in one line"),
    ("X-Unknown", ["a", ""], "a", "only in a list an empty element says nothing"),
    ("X-Unknown", "a", "A", "it may have a case"),
    ("X-Unknown", "1", "1\xa0", "RFC 9110 §5.6.3: no blank"),
    ("X-Unknown", "a b", "a  b", "RFC 9110 §5.5: only those around"),
    ("ETag", 'W/"1"', 'w/"1"', "RFC 9110 §8.8.3"),
    ("ETag", 'W/"1"', '"1"', "RFC 9110 §8.8.3.2"),
    ("ETag", '"a"', '"A"', "RFC 9110 §8.8.3"),
    ("ETag", ['"a"', '"b"'], '"a", "b"', "no list"),
    ("Via", "1.1 a, 1.0 b", "1.0 b, 1.1 a", "RFC 9110 §7.6.3"),
    ("Content-Encoding", "gzip, br", "br, gzip", "RFC 9110 §8.4"),
    ("Upgrade", "a, b", "b, a", "RFC 9110 §7.8"),
    ("Allow", "GET", "get", "RFC 9110 §9.1"),
    ("Allow", "GET", "GET, HEAD", "RFC 9110 §10.2.1"),
    ("Access-Control-Allow-Methods", "PATCH", "patch", "RFC 9110 §9.1"),
    ("Access-Control-Allow-Origin", "https://a", "https://A", "Fetch §3.3"),
    ("Vary", "Accept", "Accept, Origin", "RFC 9110 §12.5.5"),
    ("Vary", "\u212a", "k", "the Kelvin sign"),
    ("Accept-Encoding", "gzip;q=0.5", "gzip;q=0.51", "RFC 9110 §12.4.2"),
    ("Accept-Encoding", "gzip;q=5.0", "gzip;q=5", "no weight"),
    ("Accept-Encoding", "gzip;q", "gzip; q", "no weight"),
    ("Age", "7", "8", "RFC 9111 §5.1"),
    ("Age", "7", "+7", "RFC 9111 §1.2.2"),
    ("Age", "7", "7.0", "RFC 9111 §1.2.2"),
    ("Age", "7", "\u0667", "no ASCII digit"),
    ("Content-Length", "1, 2", "1", "RFC 9110 §8.6"),
    ("Retry-After", "0", "Thu, 01 Jan 1970 00:00:00 GMT", "one counts from now"),
    ("Last-Modified", NOON, NOON.replace(":00 ", ":01 "), "RFC 9110 §5.6.7"),
    ("Last-Modified", NOON, NOON.lower(), "RFC 9110 §5.6.7: in its case"),
    ("Last-Modified", NOON, NOON.replace("GMT", "CET"), "RFC 9110 §5.6.7"),
    ("Last-Modified", NOON, [NOON, NOON], "no list"),
    ("Last-Modified", "0", "-1", "no date"),
    ("Expires", "0", NOON, "RFC 9111 §5.3"),
    ("Expires", "0", "never", "a broken date may be a new one"),
    ("Deprecation", "true", "True", "no date"),
    ("Location", "http://a/B", "http://a/b", "RFC 9110 §4.2.3: a path has a case"),
    ("Location", "http://a:443/", "http://a/", "not its port"),
    ("Location", "http://a/%2F", "http://a//", "RFC 3986 §2.2: reserved"),
    ("Location", "/a", "/a/", "another path"),
    ("Location", "x://a", "x://a/", "RFC 3986 §6.2.3: of http only"),
    ("Location", "http://User@a/", "http://user@a/", "a name has a case"),
    ("Content-Type", "text/html", "text/html; charset=utf-8", "said is not left out"),
    ("Content-Type", "multipart/mixed; boundary=a", "multipart/mixed", "parts without one can't be read"),
    ("Content-Type", "multipart/mixed; boundary=a", "multipart/form-data; boundary=a", "another type"),
    ("Content-Type", "text/plain; boundary=a", "text/plain; boundary=b", "it says so of multipart alone"),
    ("Content-Type", "a/b; c=x", "a/b; c=X", "RFC 9110 §8.3.1"),
    ("Content-Type", "a/b; charset = utf-8", "a/b; charset=utf-8", "RFC 9110 §5.6.6: no blanks there"),
    ("Content-Type", "a/b; c=1; c=2", "a/b; c=2; c=1", "which one counts?"),
    ("Content-Type", "text", "Text", "no type"),
    ("Content-Type", 'a/b; c="1', 'a/b;c="1', "an open quote"),
    ("Content-Type", 'a/b; c="1"2', 'a/b;c="1"2', "something behind a quote"),
    ("Content-Type", 'a/b; c=1"2"', 'a/b;c=1"2"', "something before a quote"),
    ("Content-Type", 'a/b; c="1\\', 'a/b;c="1\\', "nothing behind a backslash"),
    ("Content-Type", "a/b; charset", "a/b; charset=", "something is said"),
    ("Content-Disposition", "inline; filename=a", "inline; filename=A", "RFC 6266 §4.3"),
    ("Content-Disposition", "inline; filename*=a", "inline;filename*=a", "RFC 8187 §3.2: no charset"),
    ("Content-Disposition", "inline; filename*=a''\ud800", "inline;filename*=a''\ud800", "not ASCII"),
    ("Link", "</a>; rel=next", "</A>; rel=next", "RFC 8288 §3.1"),
    ("Link", "</a>; rel=next", "</a>; rel=last", "RFC 8288 §3.3"),
    ("Link", "</a>; title=x", "</a>; title=X", "RFC 8288 §3.4.1"),
    ("Link", "</a; rel=next", "</a;rel=next", "no closing bracket"),
    ("Link", "a; rel=next", "a;rel=next", "no brackets"),
    ("WWW-Authenticate", 'Basic realm="x"', 'Basic realm="X"', "RFC 9110 §11.5"),
    ("WWW-Authenticate", "Negotiate aB==", "Negotiate ab==", "RFC 9110 §11.2"),
    ("WWW-Authenticate", "Basic, Bearer a=1", "Basic a=1, Bearer", "of another scheme"),
    ("WWW-Authenticate", "a=1,  Basic", "a=1, Basic", "a parameter of nothing"),
    ("Server-Timing", "a, b", "b, a", "in order"),
    ("Cache-Control", "max-age=1, max-age=2", "max-age=2, max-age=1", "RFC 9111 §4.2.1: the first one"),
    ("Cache-Control", "max-age=60", "max-age=61", "RFC 9111 §5.2.2.1"),
    ("Cache-Control", "max-age=a", "max-age=A", "no number"),
    ("Cache-Control", "private", 'private="x-a"', "RFC 9111 §5.2.2.7"),
    ("Cache-Control", "private", "no-cache", "RFC 9111 §5.2.2"),
    ("Cache-Control", "max-age= 60", "max-age=60", "RFC 9111 §5.2: no blanks there"),
    ("Strict-Transport-Security", ["max-age=1", "max-age=2"], "max-age=1", "RFC 6797 §8.1"),
    ("Content-Security-Policy", "a 'nonce-x'", "a 'nonce-X'", "CSP3 §2.3.1"),
    ("Content-Security-Policy", "a 'sha256-x'", "a 'sha256-X'", "CSP3 §2.3.1"),
    ("Content-Security-Policy", "a /B", "a /b", "CSP3 §6.7.2.12"),
    ("Content-Security-Policy", "a b; c d", "a b, c d", "CSP3 §8.1: two policies"),
    ("Content-Security-Policy", "a b\xa0c", "a b c", "no blank"),
    ("Priority", "u=1", 'u="1"', "RFC 9651 §3.3"),
    ("Priority", "u=1", "U=1", "RFC 9651 §3.1.2"),
    ("Priority", "a=(b c)", "a=(c b)", "an inner list in order"),
    ("Cache-Status", "a; ttl=1; ttl=2", "a; ttl=2; ttl=1", "RFC 9651 §3.1.2: the last one"),
    ("Permissions-Policy", "usb=(self)", "usb=()", "Permissions Policy §9.2"),
    ("Permissions-Policy", 'usb=(self "*")', "usb=*", "Permissions Policy §9.2: a text is no token"),
    ("Permissions-Policy", 'usb=("a b")', 'usb=("b a")', "a text with a blank"),
    ("Permissions-Policy", "usb=(a;b c)", "usb=(c a;b)", "with parameters"),
    ("Permissions-Policy", "usb;a=(b)", "usb=(b)", "a parameter is no value"),
    ("Content-Security-Policy", "script-src https://a/B", "script-src https://a/b", "CSP3 §6.7.2.12"),
    ("Content-Security-Policy", "script-src 'nonce-x'", "script-src 'nonce-X'", "CSP3 §2.3.1"),
    ("Content-Security-Policy", "report-uri https://a?B", "report-uri https://a?b", "CSP3 §6.5.1"),
    ("Content-Security-Policy", "script-src https://a?B", "script-src https://a?b", "no source has a query"),
    ("Content-Security-Policy", "trusted-types A", "trusted-types a", "its names have a case"),
    ("X-Frame-Options", "SAMEORIGIN,", "SAMEORIGIN", "HTML §7.7: two values deny"),
    ("X-Frame-Options", "DENY, SAMEORIGIN", "DENY", "HTML §7.7"),
    ("X-Robots-Tag", ["a: noindex", "nofollow"], "a: noindex, nofollow", "whose is it?"),
    ("X-Robots-Tag", "a: noindex, b: nofollow", "b: noindex, a: nofollow", "Google"),
    ("X-Robots-Tag", "max-snippet: 5", "max-snippet: 6", "Google"),
    ("WWW-Authenticate", "Digest a=1, Digest a=2", "Digest a=2, Digest a=1", "RFC 7616 §3.7: the first one"),
    ("Report-To", '{"a":1}, {"b":1}', '{"b":1}, {"a":1}', "in order"),
    ("Report-To", ['{"a":"b', 'c"}'], '{"a":"b,c"}', "a text is in one line"),
    ("NEL", '{"a":1,"a":2}', '{"a":2}', "which one counts?"),
    ("NEL", '{"a":1}', '{"a":true}', "RFC 8259 §3"),
    ("NEL", '{"a":1e400}', '{"a":1e401}', "RFC 8259 §6"),
    ("NEL", '{"a":NaN}', '{ "a":NaN}', "RFC 8259 §6"),
    ("NEL", '{"a":0.5}', '{"a":"0.5"}', "RFC 8259 §3"),
    ("NEL", "[" * 60_000, " [" * 30_000, "no JSON, and too deep"),
    ("Set-Cookie", "s=1; Expires=0", "s=1; Max-Age=0", "RFC 6265bis §5.6.1: kept for a session"),
    ("Set-Cookie", "s=1; Expires=60", "s=1; Max-Age=60", "RFC 6265bis §5.6.1"),
    ("Set-Cookie", "s=1; Expires=Thu, 01 Jan 1600 00:00:00 GMT", "s=1; Max-Age=0", "RFC 6265bis §5.1.1"),
    ("Set-Cookie", "s=1; Path=/a; Path=", "s=1; Path=/a", "RFC 6265bis §5.6.4: the last one"),
    ("Set-Cookie", "s=1; SameSite=Lax; SameSite=x", "s=1; SameSite=Lax", "RFC 6265bis §5.6.7"),
    ("Set-Cookie", ["s=1", "s=2"], "s=1", "RFC 6265bis §5.7: the last one"),
    ("Set-Cookie", ["s=1", "s=2; Secure"], "s=2; Secure", "it may be refused"),
    ("Set-Cookie", ["s=1", "s=\x01"], "s=\x01", "it is refused"),
    ("Set-Cookie", ["s=1", "s=" + "2" * 5000], "s=" + "2" * 5000, "it may be refused"),
]


@pytest.mark.parametrize(("name", "one", "other", "source"), ANOTHER)
def test_what_only_looks_alike_is_a_difference(name, one, other, source):
    assert source
    one, other = (lines(name, *([side] if isinstance(side, str) else side)) for side in (one, other))
    assert differs(one, other).headers.changed == (name.lower(),)
    assert differs(other, one) is not None


@pytest.mark.parametrize("name", sorted(_KNOWN))
@pytest.mark.parametrize(
    "value", ["", " ", ",", ";", '"', '""', "\\", "=", "<", "a=", "\x00", "é\ud800", "@", "1,1", "a b"]
)
def test_no_value_is_too_odd_to_be_compared(name, value):
    assert differs({name: value}, {name: value}) is None
    assert differs({name: value}, {name: value + "x~"}) is not None
    assert differs({name: value}, {name: value + '"'}) is not None
    assert differs(lines(name, value), lines(name, value, value + "y")) is not None


def test_a_header_that_is_not_there_is_no_empty_list():
    assert differs({"Allow": ""}, {}).headers.removed == ("allow",)
    assert differs({}, {"Vary": ""}).headers.added == ("vary",)


def test_what_was_sent_is_kept_as_it_was_sent():
    (change,) = differs({"Vary": "a , B,"}, {"Vary": " a"}).headers.changes
    assert (change.primary, change.shadow) == (("a , B,",), (" a",))


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),  # the example of RFC 9110 §5.6.7
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("Monday, 06-Nov-94 08:49:37 GMT", 784111777),  # a wrong day is no reason for another century
        ("Tuesday, 06-Nov-29 00:00:00 GMT", 1888617600),  # 2029, and
        ("Wednesday, 06-Nov-29 00:00:00 GMT", -1267142400),  # 1929
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1483228800),  # a leap second
        ("Sun, 31 Feb 2016 00:00:00 GMT", None),
        ("Thursday, 31-Feb-70 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 24:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:60:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:61 GMT", None),
        ("Thu, 01 Jan 0000 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT" + " " * 40, None),
        ("", None),
    ],
)
def test_an_http_date_is_an_instant(text, instant):
    assert http_date(text) == instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("Wed, 21 Oct 2026 07:28:00 GMT", 1792567680),
        ("Wed, 21-Oct-2026 07:28:00 GMT", 1792567680),
        ("wednesday, 21-oct-26 7:28:0", 1792567680),
        ("2026 October 21 07:28:00", 1792567680),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("06 Nov 94 08:49:37", 784111777),
        ("21 Oct 2026", None),
        ("21 2026 07:28:00", None),
        ("Oct 07:28:00", None),
        ("21 Oct 1601 07:28:00", -11619131520),
        ("21 Oct 1600 07:28:00", None),
        ("21 Oct 2026 07:28:60", None),
        ("21 Oct 2026 07:28:00" + " " * 1004, 1792567680),
        ("21 Oct 2026 07:28:00" + " " * 1005, None),
        ("32 Oct 2026 07:28:00", None),
        ("x" * 100, None),
    ],
)
def test_a_cookies_date_is_what_browsers_find_in_it(text, instant):
    """RFC 6265 §5.1.1."""
    assert cookie_date(text) == instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:00.5Z", 0.5),
        ("1970-01-01T00:00:00.000000001Z", Fraction(1, 10**9)),
        ("1970-01-01T00:00:01,123456789012+00:00", Fraction(1123456789012, 10**12)),
        ("1969-12-31T23:59:59.9999999999Z", Fraction(-1, 10**10)),
        ("1970-01-01T00:00:00+00:00:00.0000001", Fraction(-1, 10**7)),
        ("1970-01-01T00:00:00+24:00", None),  # whose zone is that?
        ("1970-02-31T00:00:00Z", None),
        ("1970-01-01T00:00.5Z", 30),
        ("1970-01-01t000001z", 1),
        ("1970-01-01T00:00:01 UTC", 1),
        ("1970-01-01T01:00:01+01:00[Europe/Paris]", 1),
        ("@-5", -5),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 1),
        ("1970-01-01T00:00:00", None),  # where?
        ("0001-01-01T00:00:00+23:59", -62135683140),
        ("@" + "9" * 100, None),
        ("soon", None),
    ],
)
def test_dates_of_unknown_headers(text, instant):
    assert instant_of_header(text) == instant


# ── hostile values ───────────────────────────────────────────────────────────────────────────────────────────────────

UNITS = [
    '"',
    "\\",
    ",",
    ";",
    '",',
    '\\"',
    '"\\',
    "<",
    "<>,",
    "=",
    'a="',
    "a=b,",
    "a=b;",
    "%41",
    "a b",
    " ",
    "\x00",
    "é",
]
STARTS = ["", '"', "<", "a;b=", "Basic ", "max-age=", "http://"]


def steps(call):
    """How many lines of Python run."""
    count = 0

    def trace(*_):
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()  # coverage, perhaps
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_value_is_twice_the_work(unit):
    cases = {reader: name for name, reader in _KNOWN.items()}.values()
    for name, start in itertools.product([*cases, "x-unknown", "set-cookie"], STARTS):
        small, large = (
            steps(lambda size=size: differs({name: start + unit * size}, {name: start + unit * size + "x"}))
            for size in (100, 200)
        )
        assert large <= 2.1 * small, (name, start)


@pytest.mark.parametrize("name", ["content-type", "link", "www-authenticate", "cache-control", "location", "x-unknown"])
def test_the_longest_of_anything_is_read_once(name):
    """No pattern goes back, and nothing is copied for each piece."""
    for unit in ('"', '\\"', "<", "a b", "%41"):
        value = '"' + unit * ((LONGEST // 2 - 10) // len(unit))
        assert not same_values(name, [value + "x"], [value + "y~", ""])


@pytest.mark.parametrize("name", ["vary", "x-unknown"])
def test_what_is_longer_than_any_server_takes_is_compared_as_text(name):
    half = "a" * (LONGEST // 2 - 5)
    assert same_values(name, [half, "b"], [half + ",b"])
    assert not same_values(name, [half + "a" * 10, "b"], [half + "a" * 10 + ",b"])
    assert same_values(name, [half * 5 + " "], [half * 5])
