"""XML (1.0, with namespaces), read by defusedxml."""

from __future__ import annotations

import functools
import importlib
import io
from typing import Any
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import InputSource

from trioshadow.compare._decode import media_type
from trioshadow.compare._forms.decoded import NotDecoded
from trioshadow.compare._forms.of_text import codec_of

#: Elements of a document, how deep they are nested, and characters of a namespace's name, which is a part of the name
#: of each element in it.
_ELEMENTS, _DEPTH, _NAMESPACE = 250_000, 500, 500

_BLANKS = " \t\r\n"
_SPACE = "http://www.w3.org/XML/1998/namespace"


def xml(body: bytes, content_type: str = "") -> dict[str, Any]:
    """A document as `{name: element}`. An element is a dict: its attributes as `@name`; `text`, if it holds text and no
    elements; else `children`, a list of `{name: element}`, with text between them as a str.

    A name in a namespace is `{URI}name`: which prefix stands for it makes no difference, nor do the order of
    attributes, comments, processing instructions, CDATA sections, the encoding, and text of blanks alone (but within
    `xml:space="preserve"`). A charset in the content type goes before what the document says (RFC 7303 §3.2).

    >>> xml(b'<order id="1"><item>lamp</item><item/></order>')
    {'order': {'@id': '1', 'children': [{'item': {'text': 'lamp'}}, {'item': {}}]}}

    At most 250,000 elements, 500 deep. A document type declaration is passed over, one that declares anything refused;
    nothing is ever fetched. Needs the extra `xml`. Raises ValueError for what is no such document.
    """
    handler = _Document()
    parser = _parser_class()(1, len(body) + 1, forbid_dtd=True)  # with namespaces, in one piece
    parser.setContentHandler(handler)
    source = InputSource()
    source.setByteStream(io.BytesIO(body))
    if charset := media_type(content_type)[1]:
        codec_of(charset)
        source.setEncoding(charset)
    parser.parse(source)
    return handler.root


@functools.cache
def _parser_class() -> Any:
    try:
        defused: Any = importlib.import_module("defusedxml.expatreader")
    except ImportError:
        raise NotDecoded("XML needs an extra: pip install 'trioshadow[xml]'") from None

    class Parser(defused.DefusedExpatParser):  # type: ignore[misc] # it has no types
        def defused_start_doctype_decl(self, *declaration: Any) -> None:
            # What is declared inside may be entities (a billion laughs), or attributes that all elements get.
            if declaration[3]:
                raise NotDecoded("it declares entities or attributes of its own")

        def defused_external_entity_ref_handler(self, *_: object) -> int:
            return 1  # the declaration's other half, which is elsewhere: it is not fetched

    return Parser


class _Element:
    __slots__ = ("children", "keeps_blanks", "name", "text", "value")

    def __init__(self, name: str, value: dict[str, Any], *, keeps_blanks: bool) -> None:
        self.name = name
        self.value = value
        self.keeps_blanks = keeps_blanks
        self.children: list[Any] = []
        self.text: list[str] = []

    def taken_text(self) -> str:
        """What was met since the last element."""
        text, self.text = "".join(self.text), []
        return text if self.keeps_blanks or text.strip(_BLANKS) else ""


class _Document(ContentHandler):
    """Builds the value."""

    def __init__(self) -> None:
        super().__init__()
        self.root: dict[str, Any] = {}
        self._open: list[_Element] = []
        self._count = 0

    def startPrefixMapping(self, _: str | None, uri: str) -> None:  # noqa: N802 - SAX's names
        if uri and len(uri) > _NAMESPACE:
            raise NotDecoded(f"the name of a namespace has more than {_NAMESPACE} characters")

    def startElementNS(self, name: Any, _: Any, attrs: Any) -> None:  # noqa: N802
        self._count += 1
        if self._count > _ELEMENTS or len(self._open) == _DEPTH:
            raise NotDecoded(f"it has more than {_ELEMENTS:,} elements, or more than {_DEPTH} levels")
        keeps_blanks = False
        if self._open:
            self._take_text(self._open[-1])
            keeps_blanks = self._open[-1].keeps_blanks
        found = dict(attrs.items())
        space = found.get((_SPACE, "space"))
        if space is not None:
            keeps_blanks = space == "preserve"
        value = {f"@{_named(attribute)}": text for attribute, text in found.items()}
        self._open.append(_Element(_named(name), value, keeps_blanks=keeps_blanks))

    def endElementNS(self, _: Any, __: Any) -> None:  # noqa: N802
        element = self._open.pop()
        if element.children:
            self._take_text(element)
            element.value["children"] = element.children
        elif text := element.taken_text():
            element.value["text"] = text
        if self._open:
            self._open[-1].children.append({element.name: element.value})
        else:
            self.root = {element.name: element.value}

    def characters(self, content: str) -> None:
        self._open[-1].text.append(content)

    def skippedEntity(self, name: str) -> None:  # noqa: N802
        raise NotDecoded(f"nothing says what its &{name[:40]}; is")

    def _take_text(self, element: _Element) -> None:
        if text := element.taken_text():
            element.children.append(text)


def _named(name: tuple[str | None, str]) -> str:
    uri, local = name
    return f"{{{uri}}}{local}" if uri else local
