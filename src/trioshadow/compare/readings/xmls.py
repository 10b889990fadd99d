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
    attributes, comments, processing instructions, CDATA sections, the encoding, and text of blanks alone. That is kept
    within `xml:space="preserve"`, and within an element that has other text beside it, where it is between words. A
    charset in the content type goes before what the document says (RFC 7303 §3.2).

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
    __slots__ = ("above", "children", "is_mixed", "keeps_blanks", "name", "text", "value")

    def __init__(self, name: str, value: dict[str, Any], above: _Element | None, *, keeps_blanks: bool) -> None:
        self.name = name
        self.value = value
        self.above = above
        self.keeps_blanks = keeps_blanks
        self.is_mixed = False
        """Does it have text of its own, or is it within what has?"""
        self.children: list[Any] = []
        self.text: list[str] = []

    def take_text(self) -> None:
        """What was met since the last element is a child."""
        if text := "".join(self.text):
            self.children.append(text)
            self.is_mixed = self.is_mixed or bool(text.strip(_BLANKS))
        self.text = []

    def close(self) -> None:
        """All of the document was met, and what it is in was closed."""
        self.is_mixed = self.is_mixed or (self.above is not None and self.above.is_mixed)
        keeps = self.keeps_blanks or self.is_mixed
        children = [child for child in self.children if keeps or type(child) is dict]
        if len(children) == 1 and type(children[0]) is str:
            self.value["text"] = children[0]
        elif children:
            self.value["children"] = children


class _Document(ContentHandler):
    """Builds the value."""

    def __init__(self) -> None:
        super().__init__()
        self.root: dict[str, Any] = {}
        self._open: list[_Element] = []
        self._met: list[_Element] = []

    def startPrefixMapping(self, prefix: str | None, uri: str) -> None:  # noqa: N802, ARG002 - SAX's names
        if uri and len(uri) > _NAMESPACE:
            raise NotDecoded(f"the name of a namespace has more than {_NAMESPACE} characters")

    def startElementNS(self, name: Any, qname: Any, attrs: Any) -> None:  # noqa: N802, ARG002
        if len(self._met) == _ELEMENTS or len(self._open) == _DEPTH:
            raise NotDecoded(f"it has more than {_ELEMENTS:,} elements, or more than {_DEPTH} levels")
        keeps_blanks = False
        above = self._open[-1] if self._open else None
        if above is not None:
            above.take_text()
            keeps_blanks = above.keeps_blanks
        found = dict(attrs.items())
        space = found.get((_SPACE, "space"))
        if space is not None:
            keeps_blanks = space == "preserve"
        value = {f"@{_named(attribute)}": text for attribute, text in found.items()}
        element = _Element(_named(name), value, above, keeps_blanks=keeps_blanks)
        self._open.append(element)
        self._met.append(element)

    def endElementNS(self, name: Any, qname: Any) -> None:  # noqa: N802, ARG002
        element = self._open.pop()
        element.take_text()
        value = {element.name: element.value}
        if element.above is not None:
            element.above.children.append(value)
        else:
            self.root = value

    def endDocument(self) -> None:  # noqa: N802
        # Whether blanks are between words shows only when the last of what they are in was met.
        for element in self._met:
            element.close()

    def characters(self, content: str) -> None:
        self._open[-1].text.append(content)

    def skippedEntity(self, name: str) -> None:  # noqa: N802
        raise NotDecoded(f"nothing says what its &{name[:40]}; is")


def _named(name: tuple[str | None, str]) -> str:
    uri, local = name
    return f"{{{uri}}}{local}" if uri else local
