"""Bodies of several parts (RFC 2046 §5.1, RFC 7578), read by python-multipart."""

from __future__ import annotations

import importlib
from typing import Any

from trioshadow.compare._decode import decode_part
from trioshadow.compare._forms.decoded import NotDecoded
from trioshadow.compare._values import Repeated

#: Parts of a body, those of its parts included.
_PARTS = 10_000
#: Bodies of parts in parts.
_DEPTH = 4
#: Headers of a part, and bytes of each; characters of a body's content type.
_HEADERS, _HEADER = 100, 16_384


def multipart(body: bytes, content_type: str) -> list[dict[str, Any]]:
    """A body of `multipart/*` as its parts, in order; which boundary is between them makes no difference.

    Each part is a dict: `name` and `filename` where its Content-Disposition has them, `headers` (Content-Length and
    what is in the two others left out), and `content`, decoded by the part's own content type as a body of its own
    would be, with `decoders=` and `exact_decimals=` of the configuration; else bytes. What precedes the first and
    follows the last boundary is no part of it (RFC 2046 §5.1.1).

    At most 10,000 parts, in bodies of parts in parts at most 4 deep. Needs the extra `multipart`. Raises ValueError for
    what is no such body.
    """
    return _Reader().parts_of(body, content_type, _DEPTH)


class _Reader:
    def __init__(self) -> None:
        try:
            self._library: Any = importlib.import_module("python_multipart.multipart")
        except ImportError:
            raise NotDecoded("multipart needs an extra: pip install 'trioshadow[multipart]'") from None
        self._count = 0

    def parts_of(self, body: bytes, content_type: str, depth: int) -> list[dict[str, Any]]:
        boundary = self._options(content_type)[1].get("boundary", "").encode("utf-8", "surrogateescape")
        start = body.find(b"--" + boundary)
        if not boundary:
            raise NotDecoded("its content type names no boundary")
        if start > 0:
            start = body.find(b"\r\n--" + boundary)
        if start < 0:
            raise NotDecoded("the boundary that its content type names is not there")
        raw = _Raw()
        parser = self._library.MultipartParser(
            boundary, raw.callbacks(self._one_more), max_header_count=_HEADERS, max_header_size=_HEADER
        )
        parser.write(body[start:])
        if not raw.ended:
            raise NotDecoded("it ends before its last boundary")
        return [self._part(headers, b"".join(data), depth) for headers, data in raw.parts]

    def _one_more(self) -> None:
        self._count += 1
        if self._count > _PARTS:
            raise NotDecoded(f"it has more than {_PARTS:,} parts")

    def _part(self, lines: list[tuple[bytes, bytes]], data: bytes, depth: int) -> dict[str, Any]:
        found: dict[str, list[str]] = {}
        for name, value in lines:
            found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("utf-8", "surrogateescape"))
        part: dict[str, Any] = {}
        types = found.get("content-type", [])
        content_type = types[0] if types else ""
        disposition = found.get("content-disposition", [])
        if len(disposition) == 1:
            kind, options = self._options(disposition[0])
            part |= {name: options.pop(name) for name in ("name", "filename") if name in options}
            if kind == "form-data" and not options and not _HIDES.intersection(disposition[0]):
                del found["content-disposition"]
        found["content-type"] = [self._spelled(value) for value in types]
        found.pop("content-length", None)
        headers = {
            name: values[0] if len(values) == 1 else Repeated(values) for name, values in found.items() if values
        }
        if headers:
            part["headers"] = headers
        part["content"] = self._content(data, content_type, depth)
        return part

    def _content(self, data: bytes, content_type: str, depth: int) -> Any:
        try:
            decoded = decode_part(data, content_type or "text/plain", multipart)  # RFC 7578 §4.4
        except NotDecoded:
            return data
        if decoded is not None:
            return decoded.value
        if not content_type.lower().startswith("multipart/"):
            return data
        if not depth:
            raise NotDecoded(f"its parts are nested more than {_DEPTH} deep")
        return self.parts_of(data, content_type, depth - 1)

    def _spelled(self, content_type: str) -> str:
        """In one way (RFC 9110 §8.3.1), and without the boundary."""
        kind, options = self._options(content_type)
        options.pop("boundary", None)
        if "charset" in options:
            options["charset"] = options["charset"].lower()
        return "; ".join([kind, *(f"{name}={value}" for name, value in sorted(options.items()))])

    def _options(self, value: str) -> tuple[str, dict[str, str]]:
        if len(value) > _HEADER:
            raise NotDecoded(f"a header of it has more than {_HEADER:,} characters")
        # The library takes what HTTP has: bytes, each a character of Latin-1.
        line = value.encode("utf-8", "surrogateescape").decode("latin-1")
        kind, options = self._library.parse_options_header(line)
        return _text(kind), {_text(name): _text(option) for name, option in options.items()}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


#: In a Content-Disposition: parameters that the library passes over (RFC 8187), and paths that it shortens.
_HIDES = frozenset("*\\")


class _Raw:
    """Collects the parts as they are met."""

    def __init__(self) -> None:
        self.parts: list[tuple[list[tuple[bytes, bytes]], list[bytes]]] = []
        self.ended = False
        self._name: list[bytes] = []
        self._value: list[bytes] = []

    def callbacks(self, one_more: Any) -> dict[str, Any]:
        def begin() -> None:
            one_more()
            self.parts.append(([], []))

        def header() -> None:
            self.parts[-1][0].append((b"".join(self._name), b"".join(self._value).strip(b" \t")))
            self._name, self._value = [], []

        def end() -> None:
            self.ended = True

        def content(data: bytes, start: int, end: int) -> None:
            self.parts[-1][1].append(data[start:end])

        def name(data: bytes, start: int, end: int) -> None:
            self._name.append(data[start:end])

        def value(data: bytes, start: int, end: int) -> None:
            self._value.append(data[start:end])

        return {
            "on_part_begin": begin,
            "on_part_data": content,
            "on_header_field": name,
            "on_header_value": value,
            "on_header_end": header,
            "on_end": end,
        }
