"""Any rule can be told on the command line and in a file: what is said becomes the rule, or one line that says why not.

Pure, but for modules that are imported from a folder.
"""

from __future__ import annotations

import decimal
import enum
import json
import math
import operator
import re
import sys
import zlib
from pathlib import Path
from typing import Any, Optional

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import given

from trioshadow import Divergence, IgnoreField, ResponseRecord, ShadowConfig
from trioshadow.cli.common.errors import CliError
from trioshadow.cli.common.named import name_of
from trioshadow.cli.common.reading import read_options
from trioshadow.cli.common.rules import KINDS, from_text, from_toml, read_decoders, read_rule, rule_text
from trioshadow.cli.proxy.options import ProxyOptions
from trioshadow.compare import (
    RULES,
    Accept,
    IgnoreHeader,
    IgnorePath,
    KeyedBy,
    Normalize,
    SameError,
    Tolerance,
    Unordered,
)
from trioshadow.compare.readings import multipart, xml

URLS = {"primary": "http://old:1", "shadow": "http://new:1"}

MODULE = """
from sister import Sister


class NotFound(Exception):
    pass


def same(primary, shadow):
    return True


limit = 3
"""


def refused(value):
    with pytest.raises(ValueError, match=r"\A.+\Z") as caught:  # one line
        read_rule(value)
    return str(caught.value)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the user's own, in the current directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ownpkg").mkdir()
    (tmp_path / "ownpkg" / "__init__.py").touch()
    (tmp_path / "ownpkg" / "rules.py").write_text(MODULE)
    (tmp_path / "sister.py").write_text("class Sister: pass")
    yield tmp_path / "ownpkg"
    for name in [name for name in sys.modules if name.partition(".")[0] in ("ownpkg", "sister")]:
        del sys.modules[name]


# ── the table ─────────────────────────────────────────────────────────────────────────────────────────────────────────


PAGE = Path(__file__).parents[2] / "docs" / "howto.md"


def rows():
    page = PAGE.read_text(encoding="utf-8")
    (table,) = re.findall(r"^<!-- rules -->\n\n(.*?)\n\n", page, re.MULTILINE | re.DOTALL)
    return [re.findall(r"`([^`]+)`", row)[:2] for row in table.splitlines()[2:]]


NAMES = {"IgnoreField": IgnoreField, "math": math, "zlib": zlib, **{rule.__name__: rule for rule in RULES}}


@pytest.mark.parametrize(("python", "text"), rows(), ids=lambda cell: cell)
def test_the_two_forms_in_the_docs_say_the_same(python, text):
    rule = eval(python, NAMES)
    assert read_rule(text) == rule
    assert rule_text(rule) == text


@pytest.mark.parametrize(("python", "text"), rows(), ids=lambda cell: cell)
def test_a_table_of_a_file_has_the_names_of_the_arguments(python, text):
    def told(value):
        if isinstance(value, enum.Enum):
            return value.value
        return list(value) if isinstance(value, tuple) else name_of(value) if callable(value) else value

    rule = eval(python, NAMES)
    if isinstance(rule, IgnoreField):
        fields = {"field": rule.value}
    else:
        fields = {field.name: told(getattr(rule, field.name)) for field in attrs.fields(type(rule))}
    assert read_rule({"rule": text.split()[0], **fields}) == rule


def test_the_file_in_the_docs_says_rules(tmp_path):
    (shown,) = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    file = tmp_path / "proxy.toml"
    file.write_text(shown, encoding="utf-8")
    assert read_options(ProxyOptions, URLS, file).rule == (
        Unordered("$.tags"),
        Tolerance("$.total", abs=0.01),
        KeyedBy("$.prices", ("@.product.id", "lang")),
        Normalize("$.name", str.casefold),
    )


def test_every_rule_is_in_the_table():
    """A rule that is new here needs a row in docs/howto.md, and nothing else."""
    assert list(dict.fromkeys(text.split()[0] for _, text in rows())) == ["ignore-field", *KINDS]


# ── a text ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("tolerance path=$.total rel=1e-9", Tolerance("$.total", rel=1e-9)),
        ("tolerance rel=0.5 abs=2 $.total", Tolerance("$.total", rel=0.5, abs=2.0)),
        ("  unordered\t$.tags ", Unordered("$.tags")),
        ("unordered $['a=b']", Unordered("$['a=b']")),
        ("unordered $['path=b']", Unordered("$['path=b']")),
        ("unordered $['unit price']", Unordered("$['unit price']")),
        ('unordered $["it\'s"]', Unordered('$["it\'s"]')),
        (r"unordered $['it\'s']", Unordered(r"$['it\'s']")),
        ("""unordered "$['unit price']" """, Unordered("$['unit price']")),
        ("""unordered path='$["unit price"]'""", Unordered('$["unit price"]')),
        ("keyed-by $.a a=b", KeyedBy("$.a", "a=b")),
        ("keyed-by $.a field=path=b", KeyedBy("$.a", "path=b")),
        ('keyed-by $.a "unit price"', KeyedBy("$.a", "unit price")),
        (r'keyed-by $.a "a \"b\" \n"', KeyedBy("$.a", r'a "b" \n')),
        ("ignore-header X-A reason='made anew'", IgnoreHeader("x-a", reason="made anew")),
        ("accept predicate=operator:le path=$.n", Accept(operator.le, "$.n")),
        ("accept math:isclose", Accept(math.isclose)),
        (
            "normalize $.n fractions:Fraction.limit_denominator",
            Normalize("$.n", __import__("fractions").Fraction.limit_denominator),
        ),
        ("same-error primary=KeyError shadow=zlib:error", SameError(KeyError, zlib.error)),
        ("ignore-field body", IgnoreField.BODY),
    ],
)
def test_a_text_is_a_rule(text, rule):
    assert read_rule(text) == rule


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tolerence $.x", "there is no rule 'tolerence': did you mean 'tolerance'? (there are "),
        ("IgnorePath $.x", "there is no rule 'IgnorePath': did you mean 'ignore-path'?"),
        ("zzz", "there is no rule 'zzz' (there are ignore-field, "),
        ("   ", "there is no rule '' ("),
        ("tolerance", "tolerance needs path"),
        ("keyed-by", "keyed-by needs path and field"),
        ("tolerance $.x", "Tolerance takes abs= or rel=, above 0"),
        ("tolerance $.x ab=1", "tolerance has no 'ab': did you mean 'abs'? (it takes path, abs, rel)"),
        ("tolerance $.x zz=1", "tolerance has no 'zz' (it takes path, abs, rel)"),
        ("keyed-by $.items feild=id", "keyed-by has no 'feild': did you mean 'field'? (it takes path, field)"),
        ("tolerance $.x 0.01", "tolerance does not know what '0.01' is for: it takes path, abs, rel"),
        ("tolerance $.x abs=1 abs=2", "abs is there twice"),
        ("tolerance $.x abs=-1", "abs must be a number in [0, inf), not -1.0"),
        ("tolerance $.x abs=nan", "abs must be a number in [0, inf), not nan"),
        ("tolerance $.x abs=much", "abs must be a number, not str: 'much' is not a number in [0, inf)"),
        ("tolerance total abs=1", "path must be an RFC 9535 path: 'total'"),
        ("ignore-field", "ignore-field takes one of status, headers, body"),
        ("ignore-field status body", "ignore-field takes one of status, headers, body"),
        ("ignore-field trailer", "ignore-field takes one of status, headers, body"),
        ("ignore-header don't", "a quote is not closed: a word with a quote in it is written in other quotes"),
        ("normalize $.n casefold", "function: 'casefold' is none of Python's own (one of a module is written mypkg."),
        ("normalize $.n str.casefoldd", "function: there is no 'casefoldd' in str: did you mean 'casefold'?"),
        ("normalize $.n json:zzzz", "function: there is no 'zzzz' in json"),
        ("normalize $.n json:decoder.zzzz", "function: there is no 'zzzz' in json.decoder"),
        ("normalize $.n json:", "function: it must be a name such as mypkg.rules:same or str.casefold, not 'json:'"),
        ("normalize $.n a-b:c", "function: it must be a name such as mypkg.rules:same or str.casefold, not 'a-b:c'"),
        ("normalize $.n nowhere:f", "function: nowhere can't be imported: ModuleNotFoundError: No module"),
        ("normalize $.n math:pi", "function must be a function, not float: 3.14159"),
        ("same-error KeyError len", "shadow must be an exception class, not builtin_function_or_method"),
    ],
)  # fmt: skip
def test_what_can_be_no_rule_is_one_line_that_says_why(text, why):
    said = refused(text)
    assert said.startswith(f"{text!r}: ")
    assert said.removeprefix(f"{text!r}: ").startswith(why), said


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"path": "$.a"}, """{path = '$.a'}: a table says which rule it is, as in rule = "tolerance\""""),
        ({"rule": "tolerence"}, "{rule = 'tolerence'}: there is no rule 'tolerence': did you mean 'tolerance'?"),
        ({"rule": "tolerance", "pth": ""}, "tolerance has no 'pth': did you mean 'path'? (it takes path, abs, rel)"),
        ({"rule": "tolerance", "path": "$.a", "abs": "1"}, "abs must be a number, not str: '1' is not"),
        ({"rule": "tolerance", "path": "$.a", "abs": True}, "abs must be a number, not bool"),
        ({"rule": "unordered", "path": 3}, "path must be a str such as"),
        ({"rule": "unordered", "path": ["$.a"]}, "path must be a str such as '$.items[*].id', not tuple"),
        ({"rule": "normalize", "path": "$", "function": "str.x"}, "function: there is no 'x' in str"),
        ({"rule": "ignore-field", "field": "trailer"}, "ignore-field takes one of status, headers, body"),
        (3, "3: must be a text, not 3"),
        ("", "'': must be a text, not ''"),
    ],
)
def test_so_it_is_of_a_table(value, why):
    assert why in refused(value)


# ── functions of one's own ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_function_of_a_module_in_the_current_directory_is_found(package):
    before = [*sys.path]
    rule = read_rule("accept ownpkg.rules:same $.n")
    assert "ownpkg.rules" in sys.modules
    assert rule == Accept(sys.modules["ownpkg.rules"].same, "$.n")
    assert sys.path == before
    assert read_rule("same-error KeyError ownpkg.rules:NotFound").shadow.__name__ == "NotFound"
    assert refused("accept ownpkg.rules:sam").endswith("there is no 'sam' in ownpkg.rules: did you mean 'same'?")
    assert refused("accept ownpkg.rules:limit").endswith("predicate must be a function, not int: 3")


def test_the_fingerprint_is_that_of_the_rule_in_python(package):
    said = [
        read_rule(text) for text in ("accept ownpkg.rules:same", "tolerance $.a abs=1", "normalize $.b str.casefold")
    ]
    same = sys.modules["ownpkg.rules"].same
    meant = [Accept(same), Tolerance("$.a", abs=1.0), Normalize("$.b", str.casefold)]
    assert ShadowConfig(ignore=said).fingerprint == ShadowConfig(ignore=meant).fingerprint
    table = read_rule({"rule": "tolerance", "path": "$.a", "abs": 1})  # 1 is written in TOML where 1.0 is meant
    assert ShadowConfig(ignore=[table]).fingerprint == ShadowConfig(ignore=[meant[1]]).fingerprint


def test_nothing_is_imported_unless_a_rule_names_it(package):
    for text in (
        "unordered $.ownpkg",
        "ignore-header ownpkg.rules",
        "keyed-by $.a ownpkg.rules:same",
        "acept ownpkg.rules:same",
    ):
        try:
            read_rule(text)
        except ValueError:
            continue
    assert not [name for name in sys.modules if name.startswith("ownpkg")]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise ValueError('two\\nlines \\x1b[31m')", r"ValueError: two lines \u001b[31m"),
        ("def", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import sys; sys.path.clear(); import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_module_that_can_not_be_imported_is_one_line(package, monkeypatch, code, why):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (package / "broken.py").write_text(code)
    assert f"predicate: ownpkg.broken can't be imported: {why}" in refused("accept ownpkg.broken:same")


def test_ctrl_c_while_a_module_is_imported_passes(package):
    (package / "slow.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        read_rule("accept ownpkg.slow:same")


# ── values, by the types of fields ────────────────────────────────────────────────────────────────────────────────────


class Way(enum.Enum):
    UP = "up"
    DOWN = "down"


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (float, "1", 1.0),
        (int, "1", 1),
        (int | float, "1", 1),
        (float | None, "none", None),
        (float | None, "0.5", 0.5),
        (Optional[int], "7", 7),  # noqa: UP045 - others write it so
        (bool, "true", True),
        (bool, "false", False),
        (bool, "yes", "yes"),
        (str, "none", "none"),
        (str | None, "none", "none"),
        (Way, "up", Way.UP),
        (tuple[str, ...], "a", ("a",)),
        (tuple[str, ...], "a,b", ("a", "b")),
        (tuple[str, ...], "$['a,b'].c,$[\"d,e\",'f'],g", ("$['a,b'].c", "$[\"d,e\",'f']", "g")),
        (tuple[float, ...], "1,2.5", (1.0, 2.5)),
        (tuple, "a,b", ("a", "b")),
        (tuple[Way, ...] | None, "up,down", (Way.UP, Way.DOWN)),
        (str | tuple[str, ...], "id", "id"),
        (str | tuple[str, ...], "id,lang", ("id", "lang")),
        (type, "KeyError", KeyError),
        (
            type[BaseException] | tuple[type[BaseException], ...],
            "KeyError,zlib:error",
            (KeyError, zlib.error),
        ),
        (type | str, "numpy.ndarray", "numpy.ndarray"),
        (Any, "3", 3),
        (object, '{"a": null}', {"a": None}),
        (Any, "three", "three"),
        (dict[str, str], "a", "a"),
    ],
)
def test_a_value_is_read_by_the_type_of_its_field(hint, text, value):
    read = from_text(text, hint)
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("hint", "given", "value"),
    [
        (float, 1, 1.0),
        (int | float, 1, 1),
        (float, "1", "1"),
        (bool, True, True),
        (str, "none", "none"),
        (Way, "up", Way.UP),
        (tuple[Way, ...], ["up", "down"], (Way.UP, Way.DOWN)),
        (str | tuple[str, ...], ["id", "lang"], ("id", "lang")),
        (tuple, [1, "a"], (1, "a")),
        (type[BaseException], "KeyError", KeyError),
        (Any, "3", "3"),
        (Any, [1], (1,)),
    ],
)
def test_so_it_is_in_a_file_which_has_types_of_its_own(hint, given, value):
    read = from_toml(given, hint)
    assert (type(read), read) == (type(value), value)


def test_a_member_of_an_enum_is_told_by_its_value():
    with pytest.raises(ValueError, match=r"\Amust be one of up, down, not 'UP'\Z"):
        from_text("UP", Way)


@attrs.frozen
class Other:
    """As a rule that is still to come."""

    way: Way
    names: tuple[str, ...]
    of: type = attrs.field(kw_only=True, default=str)
    value: Any = attrs.field(kw_only=True, default=None)
    strictly: bool = attrs.field(kw_only=True, default=False)


attrs.resolve_types(Other)


def test_a_rule_that_is_new_needs_nothing_but_its_fields(monkeypatch):
    monkeypatch.setitem(KINDS, "other", Other)
    rule = read_rule("other up $.a,$['b c'] of=decimal:Decimal value=[1] strictly=true")
    assert rule == Other(Way.UP, ("$.a", "$['b c']"), of=decimal.Decimal, value=[1], strictly=True)
    assert read_rule(rule_text(rule)) == rule
    assert refused("other left a").endswith("way: must be one of up, down, not 'left'")


# A comma parts the members of a key, and @ begins a path to one.
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters=",@"), min_size=1).filter(
    lambda name: not name.startswith(("$.", "$["))
)


@given(words, st.floats(0, exclude_min=True, allow_infinity=False))
def test_the_text_of_a_rule_says_that_rule(name, amount):
    for rule in (KeyedBy("$.a", name), IgnoreHeader("a", reason=name), Tolerance("$.a", rel=amount)):
        assert read_rule(rule_text(rule)) == rule


# ── as options ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rules_of_options_get_into_the_configuration():
    options = read_options(
        ProxyOptions,
        {
            **URLS,
            "ignore_path": ("$.a",),
            "rule": ("unordered $.b", "ignore-field status"),
            "decode": ("Application/X-A=json:loads", "+b=bytes.decode"),
            "strict": True,
            "strict_errors": True,
            "exact_decimals": True,
        },
    )
    config = options.config()
    assert config.ignore == (IgnorePath("$.a"), Unordered("$.b"), IgnoreField.STATUS)
    assert config.decoders == (("+b", bytes.decode), ("application/x-a", json.loads))
    assert (config.strict, config.strict_errors, config.exact_decimals) == (True, True, True)


@pytest.mark.parametrize(
    ("content_type", "function", "ours", "theirs"),
    [
        ("application/xml", xml, b'<a x="1" y="2"><b>7</b></a>', b"<a y='2' x='1'>\n  <b>8</b>\n</a>"),
        (
            "multipart/form-data; boundary=B",
            multipart,
            b'--B\r\nContent-Disposition: form-data; name="b"\r\n\r\n7\r\n--B--\r\n',
            b"--B\r\ncontent-disposition: form-data; name=b\r\n\r\n8\r\n--B--\r\n",
        ),
    ],
)
def test_the_readings_of_the_library_are_named_like_functions_of_yours(content_type, function, ours, theirs):
    said = f"{content_type.partition(';')[0]}=trioshadow.compare.readings:{function.__name__}"
    options = read_options(ProxyOptions, {**URLS, "decode": (said,)})
    assert options.told_rules["decode"] == said
    answers = [ResponseRecord(body, headers={"Content-Type": content_type}) for body in (ours, theirs)]
    body = Divergence.compare(*answers, options.config()).body
    assert [(change.primary, change.shadow) for change in body.changes] == [("7", "8")]
    assert body.notes == ()


def test_a_file_has_them_as_texts_and_as_tables(tmp_path):
    file = tmp_path / "proxy.toml"
    rules = (Unordered("$.b"), Tolerance("$.c", abs=1.0))
    for said in (
        'rule = ["unordered $.b", {rule = "tolerance", path = "$.c", abs = 1}]',
        '[[rule]]\nrule = "unordered"\npath = "$.b"\n[[rule]]\nrule = "tolerance"\npath = "$.c"\nabs = 1',
    ):
        file.write_text(said)
        assert read_options(ProxyOptions, URLS, file).rule == rules
    for said in ('decode = ["+a=json:loads"]', '[decode]\n"+a" = "json:loads"'):
        file.write_text(said)
        assert read_options(ProxyOptions, URLS, file).decode == (("+a", json.loads),)
    file.write_text('[rule]\nrule = "unordered"')
    with pytest.raises(CliError, match=re.escape(f"{file}: rule must be a list of texts")):
        read_options(ProxyOptions, URLS, file)
    file.write_text('rule = ["unordred $.b"]')
    with pytest.raises(CliError, match=re.escape(f"{file}: rule 'unordred $.b': there is no rule 'unordred'")):
        read_options(ProxyOptions, URLS, file)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("+a=json:loads", "must be a list of texts, or a table, not '+a=json:loads'"),
        (
            ["json:loads"],
            "must be a content type and a function, such as application/x-protobuf=mypkg.bodies:read, not",
        ),
        (["+a=json:load5"], "'+a=json:load5': there is no 'load5' in json: did you mean 'load'?"),
        (["a=json:loads"], "'a=json:loads': decoders: a content type must be 'type/subtype' or '+suffix', not 'a'"),
        (["+a=math:pi"], "'+a=math:pi': decoders: for '+a' there must be a function, not float"),
    ],
)
def test_a_decoder_that_is_none_is_one_line(value, why):
    with pytest.raises(ValueError, match=rf"\A{re.escape(why)}"):
        read_decoders(value)
