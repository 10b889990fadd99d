"""Multipart bodies and XML, read over libraries that are extras. Pure."""

from __future__ import annotations

import pickle
import sys

import pytest

from trioshadow import Divergence, ResponseRecord, ShadowConfig
from trioshadow.compare.readings import multipart, xml, xmls

KIND = 'multipart/form-data; boundary="x y"'
DECODERS = {"multipart/form-data": multipart, "multipart/mixed": multipart, "application/xml": xml, "+xml": xml}


def parts(*parts, boundary=b"x y"):
    return b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary


def compare(one, other, one_type, other_type=None, **settings):
    records = [
        ResponseRecord(body, headers={"Content-Type": kind})
        for body, kind in ((one, one_type), (other, other_type or one_type))
    ]
    settings.setdefault("decoders", DECODERS)
    divergence = Divergence.compare(*records, ShadowConfig(**settings))
    return divergence and divergence.body


def paths(*arguments, **settings):
    body = compare(*arguments, **settings)
    return [] if body is None else [change.path for change in body.changes]


# ── multipart ────────────────────────────────────────────────────────────────────────────────────────────────────────

FIELD = b'Content-Disposition: form-data; name="a"\r\n\r\n1'
FILE = (
    b'content-disposition: form-data; filename="\xc3\xa9.json"; name=f\r\n'
    b"Content-Type: Application/JSON; Charset=UTF-8\r\nContent-Length: 8\r\n\r\n"
)


def test_parts_in_their_order_by_what_they_hold():
    assert multipart(b"before\r\n" + parts(FIELD, FILE + b'{"a": 1}', b"\r\n\xff") + b"after", KIND) == [
        {"name": "a", "content": "1"},
        {
            "name": "f",
            "filename": "é.json",
            "headers": {"content-type": "application/json; charset=utf-8"},
            "content": {"a": 1},
        },
        {"content": b"\xff"},
    ]
    assert multipart(parts(), KIND) == []


def test_what_headers_of_parts_are_kept():
    def headers(lines):
        return multipart(parts(lines + b"\r\n\r\n"), KIND)[0].get("headers")

    assert headers(b"Content-Disposition: attachment; filename=a") == {"content-disposition": "attachment; filename=a"}
    # The library passes over the one (RFC 7578 §4.2) and shortens the other.
    for odd in (
        b"Content-Disposition: form-data; filename*=UTF-8''a",
        b'Content-Disposition: form-data; filename="C:\\a"',
    ):
        assert "content-disposition" in headers(odd)
    assert str(headers(b"X: 1\r\nx: 2")) == "{'x': Repeated(['1', '2'])}"
    assert headers(b"Content-Type: image/png") == {"content-type": "image/png"}


def test_the_boundary_makes_no_difference_and_content_is_compared_by_place():
    other = KIND.replace("x y", "another")
    assert (
        paths(parts(FIELD, FILE + b'{"a":1}'), parts(FIELD, FILE + b'{ "a": 1 }', boundary=b"another"), KIND, other)
        == []
    )
    assert paths(
        parts(FIELD, FILE + b'{"a":1}'), parts(FIELD, FILE + b'{"a":2}', boundary=b"another"), KIND, other
    ) == ["$[1]['content']['a']"]
    assert paths(parts(FIELD), parts(FIELD, FIELD), KIND) == ["$[1]"]
    assert paths(parts(FILE + b"{"), parts(FILE + b"[]"), KIND) == ["$[0]['content']"]
    inner = b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n%b"
    nested = [parts(inner % (name, parts(FIELD, boundary=name))) for name in (b"m", b"n")]
    assert paths(*nested, KIND) == []


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (b"", "multipart/form-data", "its content type names no boundary"),
        (b"", KIND, "the boundary that its content type names is not there"),
        (parts(FIELD)[:-4], KIND, "it ends before its last boundary"),
        (parts(*[b"\r\n"] * 10_001), KIND, "it has more than 10,000 parts"),
        (parts(b"a: b\r\n" * 1_000 + b"\r\n"), KIND, "Maximum header count exceeded"),
        (parts(b"a" * 20_000 + b": b\r\n\r\n"), KIND, "Maximum header size exceeded"),
        (b"", KIND + ";a=" * 10_000, "a header of it has more than 16,384 characters"),
        (b"--x\r\nno header", "multipart/form-data; boundary=x", "Found invalid character"),
    ],
)
def test_what_is_no_multipart_body_says_why(body, kind, why):
    found = compare(body, parts(FIELD), kind, KIND)
    assert found.forms == ("bytes", "bytes")
    assert why in found.notes[0]


def typed(kind, content):
    return parts(b"Content-Type: %b\r\n\r\n%b" % (kind, content))


def in_parts(body):
    return typed(b"multipart/related; boundary=i", parts(body, boundary=b"i"))


def test_parts_are_read_as_bodies_of_their_own_would_be():
    one, other = (typed(b"application/json", b'{"a":0.1%b}' % more) for more in (b"", b"0000000000000000001"))
    assert paths(one, other, KIND) == []
    assert paths(one, other, KIND, exact_decimals=True) == ["$[0]['content']['a']"]
    assert paths(*map(in_parts, (one, other)), KIND) == []
    twice, once = typed(b"application/json", b'{"a":1,"a":1.0}'), typed(b"application/json", b'{"a":1}')
    assert paths(twice, once, KIND) == []
    assert paths(twice, once, KIND, strict=True) == ["$[0]['content']['a']"]


def test_decoders_of_ones_own_reach_the_parts():
    one, other = (typed(b"image/svg+xml", body) for body in (b"<a b='1' c='2'/>", b'<a c="2" b="1"></a>'))
    assert paths(one, other, KIND) == []
    assert paths(one, other, KIND, decoders={"multipart/form-data": multipart}) == ["$[0]['content']"]
    upper = {"multipart/form-data": multipart, "text/plain": bytes.upper}
    assert paths(parts(b"\r\na"), parts(b"\r\nA"), KIND, decoders=upper) == []
    # One that calls it, and reads parts of parts otherwise.
    own = {"multipart/form-data": lambda body, content_type: multipart(body, content_type), "+xml": xml}
    assert paths(one, other, KIND, decoders=own) == []
    nested = {"multipart/form-data": multipart, "multipart/mixed": lambda _: "mixed"}
    inner = [typed(b"multipart/mixed; boundary=i", parts(body, boundary=b"i")) for body in (b"\r\n1", b"\r\n2")]
    assert paths(*inner, KIND, decoders=nested) == []
    assert paths(*inner, KIND) == ["$[0]['content'][0]['content']"]


def test_what_a_decoder_of_a_part_raises_leaves_the_part_as_it_is():
    one, other = (typed(b"application/xml", body) for body in (b"<a>", b"<a/>"))
    assert paths(one, other, KIND) == ["$[0]['content']"]
    assert paths(one, one + b"after", KIND) == []


def test_what_is_said_to_one_comparison_is_forgotten_after_it():
    assert "no boundary" in compare(b"", b"a", "multipart/form-data", exact_decimals=True).notes[0]
    assert type(multipart(typed(b"application/json", b"[0.5]"), KIND)[0]["content"][0]) is float


def test_parts_in_parts_have_an_end():
    body = b"\r\n1"
    for number in range(9):
        boundary = b"%d" % number
        body = b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n%b" % (boundary, parts(body, boundary=boundary))
    with pytest.raises(ValueError, match="nested more than 4 deep"):
        multipart(parts(body), KIND)


# ── XML ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_elements_attributes_and_text():
    assert xml(b'<order id="1">\n  <item>lamp</item>\n  <item/>\n</order>') == {
        "order": {"@id": "1", "children": [{"item": {"text": "lamp"}}, {"item": {}}]}
    }
    assert xml(b"<p>one<b>two</b>three</p>") == {"p": {"children": ["one", {"b": {"text": "two"}}, "three"]}}
    assert xml(b'<a xml:space="preserve"> <b> </b><c xml:space="default"> </c></a>')["a"]["children"] == [
        " ",
        {"b": {"text": " "}},
        {"c": {"@{http://www.w3.org/XML/1998/namespace}space": "default"}},
    ]


def test_blanks_between_words_are_text():
    assert xml(b"<p>a <b>x</b> <i>y</i>\n</p>") == {
        "p": {"children": ["a ", {"b": {"text": "x"}}, " ", {"i": {"text": "y"}}, "\n"]}
    }
    # Whether there are words shows late, and goes for all that is within.
    assert xml(b"<p> <b> <i> </i></b>word</p>") == {
        "p": {"children": [" ", {"b": {"children": [" ", {"i": {"text": " "}}]}}, "word"]}
    }
    assert xml(b"<p> <b>word <i> </i></b> <c> </c> </p>") == {
        "p": {"children": [{"b": {"children": ["word ", {"i": {"text": " "}}]}}, {"c": {}}]}
    }
    assert xml(b"<p> <!-- word --> <?word?> <b/> </p>") == {"p": {"children": [{"b": {}}]}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'<a xmlns="u:1"><b/></a>', b'<p:a xmlns:p="u:1"><p:b/></p:a>'),
        (b'<a b="1" c="2"/>', b"<a c='2' b='1'></a>"),
        (b"<a>x<!-- y -->z<?w?></a>", b"<a><![CDATA[xz]]></a>"),
        (b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>", "<a>é</a>".encode("utf-16")),
        (b"<!DOCTYPE a PUBLIC 'p' 'http://127.0.0.1/a.dtd'><a> <b/> </a>", b"<a><b/></a>"),
        (b"<a>&lt;&#65;</a>", b"<a>&#60;A</a>"),
    ],
)
def test_what_is_one_document(one, other):
    assert paths(one, other, "application/xml", "image/svg+xml") == []


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        (b'<a xmlns="u:1"/>', b'<a xmlns="u:2"/>', "$['{u:1}a']"),
        (b'<a b="1"/>', b'<a b="2"/>', "$['a']['@b']"),
        (b"<a><b>1</b></a>", b"<a><b>2</b></a>", "$['a']['children'][0]['b']['text']"),
        (b"<a><b/><c/></a>", b"<a><c/><b/></a>", "$['a']['children'][0]['b']"),
        (b"<a>x</a>", b"<a>x </a>", "$['a']['text']"),
        (b"<a>x <b/> <b/></a>", b"<a>x <b/><b/></a>", "$['a']['children'][2]"),
        (b"<a>x<b> </b>y</a>", b"<a>x<b></b>y</a>", "$['a']['children'][1]['b']['text']"),
        (b"<a><b/> <b/>x</a>", b"<a><b/><b/>x</a>", "$['a']['children'][1]"),
    ],
)
def test_what_is_another_document(one, other, path):
    assert paths(one, other, "application/xml")[0] == path


def test_the_charset_of_the_content_type_goes_first():
    # RFC 7303 §3.2
    assert xml(b"<?xml version='1.0' encoding='utf-8'?><a>\xe9</a>", "text/xml; charset=iso-8859-1") == xml(
        "<a>é</a>".encode()
    )
    with pytest.raises(ValueError, match="there is no charset 'klingon'"):
        xml(b"<a/>", "text/xml; charset=klingon")


LAUGHS = b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no element found"),
        (b"<a>", "no element found"),
        (b"<a>\xe9</a>", "not well-formed"),
        (b"<a b='1' b='2'/>", "duplicate attribute"),
        (b"<a>&nbsp;</a>", "undefined entity"),
        (b"<!DOCTYPE a SYSTEM 'a.dtd'><a>&nbsp;</a>", "nothing says what its &nbsp; is"),
        (LAUGHS, "it declares entities or attributes of its own"),
        (b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "it declares entities"),
        (b"<!DOCTYPE a [<!ATTLIST b c CDATA '%b'>]><a>%b</a>" % (b"x" * 9_999, b"<b/>" * 9_999), "it declares"),
        (b"<a>" * 100_000 + b"</a>" * 100_000, "more than 500 levels"),
        (b"<a xmlns='%b'>%b</a>" % (b"u" * 99_999, b"<b/>" * 99_999), "more than 500 characters"),
    ],
)
def test_what_is_no_document_says_why(body, why):
    found = compare(body, b"<a/>", "application/xml")
    assert found.forms == ("bytes", "bytes")
    assert why in found.notes[0]


def test_documents_have_so_many_elements(monkeypatch):
    monkeypatch.setattr(xmls, "_ELEMENTS", 3)
    with pytest.raises(ValueError, match="more than 3 elements"):
        xml(b"<a><b/><b/><b/></a>")


# ── extras ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "python_multipart.multipart", None)
    monkeypatch.setitem(sys.modules, "defusedxml.expatreader", None)
    xmls._parser_class.cache_clear()
    assert "pip install 'trioshadow[multipart]'" in compare(b"a", b"b", KIND).notes[0]
    assert "pip install 'trioshadow[xml]'" in compare(b"a", b"b", "application/xml").notes[0]


def test_none_is_used_unless_it_is_named():
    one, other = (ResponseRecord(body, headers={"Content-Type": "application/xml"}) for body in (b"<a/>", b"<a></a>"))
    assert Divergence.compare(one, other, ShadowConfig()).body.forms == ("text", "text")
    assert ShadowConfig().decoders == ()


def test_they_go_to_another_process():
    config = ShadowConfig(decoders=DECODERS)
    assert pickle.loads(pickle.dumps(config.comparison)).decoders == config.decoders
