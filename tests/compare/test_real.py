"""Comparing what others made: files of two published versions of a package, and what two libraries say of one input.

Nothing here was made up to be compared. What is expected of the files is computed anew, from plain dicts; what is
expected of the libraries is what their specifications say: YAML 1.1 against YAML 1.2, an HTML renderer that escapes a
little differently.

The files are in wheels, which `nox -s tests` downloads; run otherwise, their tests are skipped.
"""

import itertools
import json
import os
import zipfile
from collections import Counter
from pathlib import Path

import commonmark
import pytest
import yaml
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

from trioshadow import Divergence, ResponseRecord, ShadowConfig
from trioshadow.compare import Excerpt, KeyedBy, Unordered

_WHEELS = os.environ.get("TRIOSHADOW_PAIRS")

#: The wheel's name, the file in it, the path of its array, and what its elements are told apart by.
_FILES = [
    *(
        pytest.param("pycountry", f"pycountry/databases/iso{name}.json", f"$['{name}']", key, id=f"iso{name}")
        for name, key in {
            "15924": "alpha_4",
            "3166-1": "alpha_2",
            "3166-2": "code",
            "3166-3": "alpha_4",
            "4217": "alpha_3",
            "639-3": "alpha_3",
            "639-5": "alpha_3",
        }.items()
    ),
    pytest.param(
        "license_expression", "license_expression/data/scancode-licensedb-index.json", "$", "license_key", id="licenses"
    ),
]
on_real_files = pytest.mark.skipif(not _WHEELS, reason="TRIOSHADOW_PAIRS names no wheels: `nox -s tests` gets them")

_MISSING = object()
_OTHER_SIDE = {"added": "removed", "removed": "added", "changed": "changed", "type": "type"}


def read(side, package, member):
    (wheel,) = Path(_WHEELS, side).glob(f"{package}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(member)


def changes(primary, shadow, *rules):
    """All changes between two JSON bodies."""
    config = ShadowConfig(ignore=rules, max_changes=1_000_000)
    headers = {"content-type": "application/json"}
    answers = (ResponseRecord(body, headers=headers) for body in (primary, shadow))
    divergence = Divergence.compare(*answers, config)
    if divergence is None:
        return ()
    assert divergence.body.forms == ("json", "json")
    assert divergence.body.notes == ()
    assert divergence.body.change_count == len(divergence.body.changes)
    return divergence.body.changes


def expected(path, a, b):
    """What differs, the simplest way: (path, kind, the primary's value, the shadow's)."""
    if a is _MISSING:
        yield path, "added", None, b
    elif b is _MISSING:
        yield path, "removed", a, None
    elif type(a) is not type(b):
        yield path, "type", a, b
    elif isinstance(a, dict):
        for name in {**a, **b}:
            yield from expected(f"{path}['{name}']", a.get(name, _MISSING), b.get(name, _MISSING))
    elif isinstance(a, list):
        for index, (x, y) in enumerate(itertools.zip_longest(a, b, fillvalue=_MISSING)):
            yield from expected(f"{path}[{index}]", x, y)
    elif a != b:
        yield path, "changed", a, b


def expected_by_key(path, a, b, key):
    ours = {element[key]: place for place, element in enumerate(a)}
    theirs = {element[key]: place for place, element in enumerate(b)}
    assert (len(ours), len(theirs)) == (len(a), len(b)), "the key is no key"
    for name in {**ours, **theirs}:
        i, j = ours.get(name), theirs.get(name)
        place = j if i is None else i
        yield from expected(f"{path}[{place}]", _MISSING if i is None else a[i], _MISSING if j is None else b[j])


def array(body, path):
    value = json.loads(body)
    return value if path == "$" else value[path[3:-2]]


def kept(value):
    """A value, or of one that is too large to be kept its size."""
    return ("size", value.size) if isinstance(value, Excerpt) else value


def assert_found(found, wanted):
    by_path = {(path, kind): (ours, theirs) for path, kind, ours, theirs in wanted}
    assert {(change.path, change.kind) for change in found} == by_path.keys()
    assert len(found) == len(by_path)
    for change in found:
        for mine, value in zip((change.primary, change.shadow), by_path[change.path, change.kind], strict=True):
            assert kept(mine) == (("size", len(value)) if isinstance(mine, Excerpt) else value)


@on_real_files
@pytest.mark.parametrize(("package", "member", "path", "key"), _FILES)
def test_two_versions_differ_by_key_as_plain_dicts_say(package, member, path, key):
    primary, shadow = read("primary", package, member), read("shadow", package, member)
    wanted = list(expected_by_key(path, array(primary, path), array(shadow, path), key))
    assert_found(changes(primary, shadow, KeyedBy(path, key)), wanted)


@on_real_files
@pytest.mark.parametrize(("package", "member", "path", "key"), _FILES)
def test_two_versions_differ_by_index_as_plain_lists_say(package, member, path, key):
    primary, shadow = read("primary", package, member), read("shadow", package, member)
    assert_found(changes(primary, shadow), list(expected("$", json.loads(primary), json.loads(shadow))))


@on_real_files
@pytest.mark.parametrize("side", ["primary", "shadow"])
@pytest.mark.parametrize(("package", "member", "path", "key"), _FILES)
def test_a_file_is_the_same_as_itself_however_it_is_written(package, member, path, key, side):
    body = read(side, package, member)
    value = json.loads(body)
    assert changes(body, body) == ()
    assert changes(body, json.dumps(value, sort_keys=True).encode()) == ()
    assert changes(json.dumps(value, ensure_ascii=False, indent="\t").encode(), body) == ()
    (value if path == "$" else value[path[3:-2]]).reverse()
    backwards = json.dumps(value, sort_keys=True).encode()
    assert changes(body, backwards) != ()
    assert changes(body, backwards, KeyedBy(path, key)) == ()
    assert changes(body, backwards, Unordered(path)) == ()


@on_real_files
@pytest.mark.parametrize(("package", "member", "path", "key"), _FILES)
def test_swapping_the_sides_swaps_what_was_added_and_removed(package, member, path, key):
    primary, shadow = read("primary", package, member), read("shadow", package, member)
    for rules in ((), (KeyedBy(path, key),)):
        forth = [
            (change.kind, repr(change.primary), repr(change.shadow)) for change in changes(primary, shadow, *rules)
        ]
        back = [(change.kind, repr(change.primary), repr(change.shadow)) for change in changes(shadow, primary, *rules)]
        assert Counter(forth) == Counter((_OTHER_SIDE[kind], theirs, ours) for kind, ours, theirs in back)


@on_real_files
def test_by_key_there_are_few_changes_where_by_index_everything_moved():
    """So that the tests above are not about files in which nothing changed."""
    sides = [read(side, "pycountry", "pycountry/databases/iso639-3.json") for side in ("primary", "shadow")]
    by_key = changes(*sides, KeyedBy("$['639-3']", "alpha_3"))
    assert {change.kind.value for change in by_key} == {"added", "removed", "changed"}
    assert 10 < 50 * len(by_key) < len(changes(*sides))


# ── two libraries, one input ─────────────────────────────────────────────────────────────────────────────────────────

_SAME, _ONE, _OTHER_TYPE = [], [("$['a']", "changed")], [("$['a']", "type")]


@pytest.mark.parametrize(
    ("document", "differences"),
    [
        # YAML 1.1 has more words for true and false, and 1.2 only `true` and `false`
        ("a: yes", _OTHER_TYPE),
        ("a: Off", _OTHER_TYPE),
        ("a: y", _SAME),
        ("a: True", _SAME),
        ("- - no", [("$[0][0]", "type")]),
        ("yes: 1", [("$[true]", "removed"), ("$['yes']", "added")]),
        # octal is 010 there and 0o10 here
        ("a: 010", _ONE),
        ("a: 0o10", _OTHER_TYPE),
        ("a: 08", _OTHER_TYPE),
        ("a: 0x1F", _SAME),
        ('a: !!int "010"', _ONE),
        ('a: !!str "010"', _SAME),
        # base 60 is gone
        ("a: 12:30:45", _OTHER_TYPE),
        ("a: 190:20:30", _OTHER_TYPE),
        ("a: '12:30:45'", _SAME),
        # a float needs a dot and a signed exponent there
        ("a: 1e3", _OTHER_TYPE),
        ("a: 1.0e3", _OTHER_TYPE),
        ("a: 1.0e+3", _SAME),
        ("a: .inf", _SAME),
        ("a: .NaN", _SAME),
        # what both read alike, as values of types that JSON does not have
        ("a: 2001-12-14", _SAME),
        ("a: 2001-12-14t21:59:43.10-05:00", _SAME),
        ("a: 2001-12-14 21:59:43.10 -5", _SAME),
        ("a: !!binary aGVsbG8=", _SAME),
        ("a: !!set {x, y}", _SAME),
        ("a: [~, null, Null, NULL, ]", _SAME),
        ("a:", _SAME),
        ("{b: &b {x: 1, z: 0}, a: {<<: *b, y: 2, z: 3}}", _SAME),
        # one makes a list of pairs, the other an ordered mapping
        ("a: !!omap [x: 1, y: 2]", _OTHER_TYPE),
        # a document that says what it is
        ("%YAML 1.1\n---\na: yes", _SAME),
        ("%YAML 1.2\n---\na: yes", _OTHER_TYPE),
        # several at once, deep in a document
        (
            "servers:\n- {name: no, port: 010, up: on, since: 2001-12-14}\n- {name: b, port: 80, up: true}\n",
            [
                ("$['servers'][0]['name']", "type"),
                ("$['servers'][0]['port']", "changed"),
                ("$['servers'][0]['up']", "type"),
            ],
        ),
    ],
)
def test_yaml_1_1_and_1_2_differ_where_their_specifications_do(document, differences):
    primary, shadow = yaml.safe_load(document), YAML(typ="safe", pure=True).load(document)
    divergence = Divergence.compare(primary, shadow, ShadowConfig())
    found = [] if divergence is None else divergence.body.changes
    assert [(change.path, change.kind) for change in found] == differences


_EVERYTHING = """# Title

Some *text* & `code`, ![an *image*](x.png "t"), <https://example.org/>.

> - a quoted
> - list

    code

1. one
2. two
"""


@pytest.mark.parametrize(
    ("document", "differences"),
    [
        (_EVERYTHING, []),
        # a percent sign that begins no escape
        ("[a](http://example.org/%zz)", [("$[0]", "changed")]),
        (f"{_EVERYTHING}\n[a](http://example.org/%zz)\n", [("$[14]", "changed")]),
        # a scheme that one refuses to link to
        ("text\n\n[a](javascript:alert)\n\nmore", [("$[1]", "changed")]),
        # after a block of HTML at the end one has a line end more
        ("<div>\nhtml\n</div>", [("$[3]", "removed")]),
    ],
)
def test_two_markdown_renderers_differ_in_these_lines(document, differences):
    answers = (
        ResponseRecord(html.encode(), headers={"content-type": "text/html; charset=utf-8"})
        for html in (commonmark.commonmark(document), MarkdownIt().render(document))
    )
    divergence = Divergence.compare(*answers, ShadowConfig())
    found = [] if divergence is None else divergence.body.changes
    assert [(change.path, change.kind) for change in found] == differences
    assert divergence is None or divergence.body.forms == ("text", "text")
