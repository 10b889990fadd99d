"""Rules of `trioshadow.compare` as a command line and a TOML file have them: a text, or a table.

    tolerance $.total abs=0.01
    {rule = "tolerance", path = "$.total", abs = 0.01}

All of it follows from the fields of the rules: a new rule can be told as soon as it is in `RULES`. A text begins with
the name of the class; then come its fields, in their order or by name. Words are parted by blanks, but not within
quotes; a word that is all in quotes is what they hold, as in a shell, and other quotes stay, as in `$['a b']`.
"""

from __future__ import annotations

import difflib
import enum
import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from trioshadow import ShadowConfig
from trioshadow.compare import RULES, Decoder, IgnoreField, Rule, checked_decoders

from .checks import text as checked_text
from .named import name_of, named
from .options import Kind, Panel, option, several

AnyRule: TypeAlias = Rule | IgnoreField

_IGNORE_FIELD = "ignore-field"
_DECODE = "application/x-protobuf=mypkg.bodies:read"
_WORD = re.compile(
    r"""(?P<name>\w+=)?(?:"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>[^']*)')(?!\S)"""
    r"""|(?P<plain>(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s"'])+)"""
)
_LOOKS_NAMED = re.compile(r"([A-Za-z_]\w*)=")
#: Commas within brackets or quotes are of a path: `$['a','b']`.
_ELEMENT = re.compile(r"""(?:\[(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\]"'])*\]|[^,])+""")


def rule_name(kind: type) -> str:
    """What a rule is called: `KeyedBy` is `keyed-by`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind.__name__).lower()


KINDS: dict[str, type] = {rule_name(kind): kind for kind in RULES}
NAMES = (_IGNORE_FIELD, *KINDS)


def read_rule(value: object) -> AnyRule:
    """The rule that a text or a table says. Raises ValueError: the rest of a sentence that begins with the option."""
    try:
        return _of_table(value) if isinstance(value, Mapping) else _of_text(checked_text(value))
    except (ValueError, TypeError) as exc:
        raise ValueError(f"{_shown(value):.200}: {exc}") from None


def rule_option(about: str) -> Any:
    """`--rule`, of a command that uses the rules for this."""
    each = several(Kind(str, "RULE", read_rule))

    def check(value: object) -> tuple[AnyRule, ...]:
        rules = each.check(value)
        try:
            ShadowConfig(ignore=rules)
        except ValueError as exc:
            raise ValueError(f"can't be used: {exc}") from None
        return rules  # type: ignore[no-any-return] # of what `read_rule` makes

    return option(attrs.evolve(each, check=check), (), panel=Panel.COMPARING, about=about)


def rule_text(rule: AnyRule) -> str:
    """The text that says this rule, shortest: `read_rule` makes the same of it."""
    if isinstance(rule, IgnoreField):
        return f"{_IGNORE_FIELD} {rule.value}"
    words = [rule_name(type(rule))]
    in_order = True
    for field in attrs.fields(type(rule)):
        value = getattr(rule, field.name)
        if not field.init or value == field.default:
            in_order = False
            continue
        word = _value_text(value)
        in_order = in_order and not field.kw_only and not _LOOKS_NAMED.match(word)
        words.append(("" if in_order else f"{field.name}=") + _quoted(word))
    return " ".join(words)


def _quoted(word: str) -> str:
    if not word.startswith(("'", '"')) and _WORD.fullmatch(word):
        return word
    escaped = re.sub(r'["\\]', r"\\\g<0>", word)
    return f'"{escaped}"'


def _value_text(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ",".join(map(_value_text, value))
    if isinstance(value, str):
        return value
    return name_of(value) if callable(value) else json.dumps(value)


def read_decoders(value: object) -> tuple[tuple[str, Decoder], ...]:
    """Decoders by content type, of texts such as `application/x-protobuf=mypkg.bodies:read`, or a table of such pairs.
    Raises ValueError, as `read_rule` does.
    """
    if isinstance(value, Mapping):
        value = [f"{name}={each}" for name, each in value.items()]
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of texts, or a table, not {value!r}")  # noqa: TRY004
    decoders: dict[str, Decoder] = {}
    for each in value:
        content_type, is_pair, function = checked_text(each).partition("=")
        if not is_pair:
            raise ValueError(f"must be a content type and a function, such as {_DECODE}, not {each!r}")
        try:
            decoders |= checked_decoders({content_type: named(function)})
        except (ValueError, TypeError) as exc:
            raise ValueError(f"{each!r}: {exc}") from None
    return tuple(decoders.items())


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name} = {each!r}' for name, each in value.items())}}}"
    return repr(value)


def _of_text(text: str) -> AnyRule:
    head, *words = _words(text)
    name = head.removesuffix("=")
    kind = _kind(name)
    if kind is IgnoreField:
        return _part(words)
    fields = {field.name: field for field in attrs.fields(kind) if field.init}
    in_order = [field.name for field in fields.values() if not field.kw_only]
    values: dict[str, Any] = {}
    for word in words:
        field, value = _field_and_value(name, word, fields, [each for each in in_order if each not in values])
        if field in values:
            raise ValueError(f"{field} is there twice")
        values[field] = _told(fields[field], from_text, value)
    return _made(name, kind, values)


def _of_table(table: Mapping[str, Any]) -> AnyRule:
    name = table.get("rule")
    if not isinstance(name, str):
        raise ValueError('a table says which rule it is, as in rule = "tolerance"')  # noqa: TRY004
    kind = _kind(name)
    values = {field: value for field, value in table.items() if field != "rule"}
    if kind is IgnoreField:
        return _part([str(value) for value in values.values()])
    fields = {field.name: field for field in attrs.fields(kind) if field.init}
    for field in values:
        if field not in fields:
            raise ValueError(_no_field(name, field, fields))
    read = {field: _told(fields[field], from_toml, value) for field, value in values.items()}
    return _made(name, kind, read)


def _kind(name: str) -> type:
    if name == _IGNORE_FIELD:
        return IgnoreField
    if name not in KINDS:
        raise ValueError(f"there is no rule {name!r}{_close(name, NAMES)} (there are {', '.join(NAMES)})")
    return KINDS[name]


def _part(words: list[str]) -> IgnoreField:
    parts = [part.value for part in IgnoreField]
    if len(words) != 1 or words[0] not in parts:
        raise ValueError(f"{_IGNORE_FIELD} takes one of {', '.join(parts)}")
    return IgnoreField(words[0])


def _made(name: str, kind: type, values: dict[str, Any]) -> Rule:
    missing = [
        field.name for field in attrs.fields(kind) if field.default is attrs.NOTHING and field.name not in values
    ]
    if missing:
        raise ValueError(f"{name} needs {' and '.join(missing)}")
    made: Rule = kind(**values)
    return made


def _words(text: str) -> list[str]:
    words, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _WORD.match(text, at)
        if found is None or (found.end() < len(text) and not text[found.end()].isspace()):
            raise ValueError("a quote is not closed: a word with a quote in it is written in other quotes")
        name, double, single = found.group("name") or "", found.group("double"), found.group("single")
        if double is not None:
            words.append(name + re.sub(r'\\(["\\])', r"\1", double))
        else:
            words.append(found.group("plain") if single is None else name + single)
        at = found.end()
    return words or [""]


def _field_and_value(name: str, word: str, fields: Mapping[str, object], free: list[str]) -> tuple[str, str]:
    """Which field a word is for. `free`: those that take a word without a name, and have none yet."""
    said = _LOOKS_NAMED.match(word)
    if said and said[1] in fields:
        return said[1], word[said.end() :]
    if said and (not free or difflib.get_close_matches(said[1], fields, n=1)):
        raise ValueError(_no_field(name, said[1], fields))
    if not free:
        raise ValueError(f"{name} does not know what {word!r} is for: it takes {', '.join(fields)}")
    return free[0], word


def _no_field(name: str, field: str, fields: typing.Iterable[str]) -> str:
    return f"{name} has no {field!r}{_close(field, fields)} (it takes {', '.join(fields)})"


def _close(name: str, names: typing.Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    return f": did you mean {close[0]!r}?" if close else ""


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _told(field: attrs.Attribute[Any], read: Callable[[Any, Any], Any], value: object) -> Any:
    try:
        return read(value, field.type)
    except ValueError as exc:
        raise ValueError(f"{field.name}: {exc}") from None


def from_toml(value: Any, hint: Any) -> Any:
    """What a TOML file has for a field of this type: it has types of its own, but no functions, classes and members
    of enums. Raises ValueError.
    """
    if isinstance(value, list):
        (elements,) = [_element_of(each) for each in _kinds(hint) if _is_several(each)] or [Any]
        return tuple(from_toml(each, elements) for each in value)
    kinds = _kinds(hint)
    if isinstance(value, str) and not set(kinds) & {str, Any, object, int, float, bool}:
        return from_text(value, hint)
    return float(value) if type(value) is int and float in kinds and int not in kinds else value


def from_text(text: str, hint: Any) -> Any:
    """What a command line has for a field of this type. Raises ValueError."""
    kinds = _kinds(hint)
    several = [each for each in kinds if _is_several(each)]
    if several and ("," in text or len([each for each in kinds if each is not type(None)]) == 1):
        return tuple(from_text(each, _element_of(several[0])) for each in _ELEMENT.findall(text))
    if str in kinds:
        return text
    if type(None) in kinds and text == "none":
        return None
    for each in kinds:
        if isinstance(each, type) and issubclass(each, enum.Enum):
            return _member(text, each)
        if each in (type, Callable) or typing.get_origin(each) in (type, typing.get_origin(Callable[..., Any])):
            return named(text)
    if Any in kinds or object in kinds:
        return _json_or_text(text)
    if bool in kinds and text in ("true", "false"):
        return text == "true"
    return _number(text, [each for each in (int, float) if each in kinds])


def _kinds(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)


def _is_several(hint: Any) -> bool:
    return typing.get_origin(hint) in (tuple, list, set, frozenset) or hint in (tuple, list, set, frozenset)


def _element_of(hint: Any) -> Any:
    return (typing.get_args(hint) or (str,))[0]


def _member(text: str, kind: type[enum.Enum]) -> enum.Enum:
    values = {str(member.value): member for member in kind}
    if text not in values:
        raise ValueError(f"must be one of {', '.join(values)}, not {text!r}")
    return values[text]


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _number(text: str, kinds: list[type]) -> Any:
    for kind in kinds:
        try:
            return kind(text)
        except ValueError:
            continue
    return text  # the rule says what it may be
