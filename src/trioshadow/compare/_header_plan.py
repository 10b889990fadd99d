"""The rules about headers, compiled once: from a name to what the rules say of it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from ._header_grammar import BLANKS, MalformedError
from ._header_readers import Reader, any_case_and_blanks, in_any_order, in_order, named_parts
from ._header_rules import HeaderAs, HeaderKind, HeaderRule, IgnoreCookie, IgnoreHeader
from ._header_values import read_alike
from ._times import instant_of_header

_READERS: dict[HeaderKind, Reader] = {
    HeaderKind.LIST: in_order,
    HeaderKind.SET: in_any_order,
    HeaderKind.PARAMETERS: named_parts,
    HeaderKind.TEXT: any_case_and_blanks,
}


def pattern(name: str) -> re.Pattern[str]:
    """What finds the names of a rule, in which `*` and `?` stand for others."""
    return re.compile(fnmatch.translate(name))


class HeaderPlan:
    """The rules of one configuration that are about headers."""

    def __init__(self, rules: Iterable[HeaderRule]) -> None:
        several = list(rules)
        ignored = [fnmatch.translate(rule.name) for rule in several if isinstance(rule, IgnoreHeader)]
        self._ignores: Callable[[str], Any] | None = re.compile("|".join(ignored)).match if ignored else None
        self._kinds = [(pattern(rule.name), rule) for rule in several if isinstance(rule, HeaderAs)]
        self._cookies = [(pattern(rule.name), rule.attribute) for rule in several if isinstance(rule, IgnoreCookie)]

    def ignores(self, name: str) -> bool:
        """Is the header of this name not compared?"""
        return self._ignores is not None and self._ignores(name) is not None

    def reads(self, name: str) -> bool:
        """Is there a rule by which values of this header that differ may be the same?"""
        return any(names.match(name) for names, _ in self._kinds)

    def same(self, name: str, primary: list[str], shadow: list[str]) -> bool:
        """Are the values of this header, which differ without a rule, the same by one?"""
        return any(_same_as(rule, primary, shadow) for names, rule in self._kinds if names.match(name))

    def ignored_parts(self, cookie: str) -> frozenset[str | None]:
        """Of a cookie; with None among them it is not compared at all."""
        return frozenset(part for names, part in self._cookies if names.match(cookie))


def _same_as(rule: HeaderAs, primary: list[str], shadow: list[str]) -> bool:
    if reader := _READERS.get(rule.kind):
        return read_alike(reader, primary, shadow)
    if len(primary) != len(shadow):
        return False
    measure = _instant if rule.kind is HeaderKind.DATE else _number
    try:
        return all(abs(measure(a) - measure(b)) <= Fraction(rule.within) for a, b in zip(primary, shadow, strict=True))
    except MalformedError:
        return False


def _instant(line: str) -> Fraction:
    instant = instant_of_header(line.strip(BLANKS))
    if instant is None:
        raise MalformedError
    return instant


_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?")


def _number(line: str) -> Fraction:
    number = _NUMBER.fullmatch(line.strip(BLANKS))
    if number is None:
        raise MalformedError
    return Fraction(number[0])
