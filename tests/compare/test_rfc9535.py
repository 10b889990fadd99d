"""RFC 9535 (JSONPath), section by section: what is a path, what it selects, and how a place is written. Pure.

The cases are made anew, since no Python package carries the public compliance suite, and the npm one needs Node.

Each selection is held by three witnesses: the places written out here, a slow walk that follows the RFC's nodelists,
and real comparisons with a document in which every scalar is another: a rule that ignores the pattern leaves the rest.
"""

from __future__ import annotations

import json
import re

import pytest

from trioshadow.compare import IgnorePath, Only
from trioshadow.compare._paths import parse_path, write_path

from tests.support.comparing import found

# The RFC's own documents: of §1.5, and of the examples in §2.3.1.3 to §2.6.1.
STORE = {
    "store": {
        "book": [
            {"category": "reference", "author": "Nigel Rees", "title": "Sayings of the Century", "price": 8.95},
            {"category": "fiction", "author": "Evelyn Waugh", "title": "Sword of Honour", "price": 12.99},
            {"category": "fiction", "author": "Herman Melville", "isbn": "0-553-21311-3", "price": 8.99},
        ],
        "bicycle": {"color": "red", "price": 399},
    }
}
QUOTES = {"o": {"j j": {"k.k": 3}}, "'": {"@": 2}}
CHILDREN = {"o": {"j": 1, "k": 2}, "a": [5, 3]}
LETTERS = ["a", "b", "c", "d", "e", "f", "g"]
DESCENDANTS = {"o": {"j": 1, "k": 2}, "a": [5, 3, [{"j": 4}, {"k": 6}]]}
NULLS = {"a": None, "b": [None], "c": [{}], "null": 1}
# And three more.
NESTED = {"a": {"a": {"a": 1, "b": 2}, "b": [{"a": 3}]}, "b": 4}
PAIR = {"a": {"b": 1, "c": 2}, "b": [3, 4]}
DIGITS = {"0": ["x", "y"], "1": {"0": "z"}, "-1": "w"}


def normalized(keys):
    """§2.7, by its grammar alone."""
    return "$" + "".join(f"[{key}]" if type(key) is int else f"['{quoted(key)}']" for key in keys)


def quoted(name):
    text = json.dumps(name, ensure_ascii=False)[1:-1]  # JSON's escapes, with the other kind of quotes
    return text.replace('\\"', '"').replace("'", "\\'")


def named(name, *patterns):
    """Patterns that select this one member, beside one whose name is no other's."""
    return [(pattern, {name: 1, "another": 2}, [normalized([name])]) for pattern in patterns]


#: Pattern, document, and the normalized paths of what is selected.
SELECTED = {
    "§1.5 the store": [
        ("$.store.book[*].author", STORE, [f"$['store']['book'][{index}]['author']" for index in range(3)]),
        ("$..author", STORE, [f"$['store']['book'][{index}]['author']" for index in range(3)]),
        ("$.store.*", STORE, ["$['store']['book']", "$['store']['bicycle']"]),
        (
            "$.store..price",
            STORE,
            [*(f"$['store']['book'][{index}]['price']" for index in range(3)), "$['store']['bicycle']['price']"],
        ),
        ("$..book[2]", STORE, ["$['store']['book'][2]"]),
        ("$..book[2].author", STORE, ["$['store']['book'][2]['author']"]),
        ("$..book[2].publisher", STORE, []),
        ("$..book[0,1]", STORE, ["$['store']['book'][0]", "$['store']['book'][1]"]),
    ],
    "§2.1.1 blanks": [
        ("$ .a", PAIR, ["$['a']"]),
        ("$\t.a", PAIR, ["$['a']"]),
        ("$\n.a", PAIR, ["$['a']"]),
        ("$\r.a", PAIR, ["$['a']"]),
        ("$ \t\n\r .a \t\n\r .b", PAIR, ["$['a']['b']"]),
        ("$ ['a']", PAIR, ["$['a']"]),
        ("$.b [0]", PAIR, ["$['b'][0]"]),
        ("$['a'] ['b']", PAIR, ["$['a']['b']"]),
        ("$ ..b", PAIR, ["$['b']", "$['a']['b']"]),
        ("$.a ..b", PAIR, ["$['a']['b']"]),
        ("$.a .*", PAIR, ["$['a']['b']", "$['a']['c']"]),
        ("$[ 'a' ]", PAIR, ["$['a']"]),
        ("$[\t'a'\n]", PAIR, ["$['a']"]),
        ("$.b[\r0 ]", PAIR, ["$['b'][0]"]),
        ("$[ * ]", PAIR, ["$['a']", "$['b']"]),
        ("$['a' , 'b']", PAIR, ["$['a']", "$['b']"]),
        ("$[\n'a'\n,\n'b'\n]", PAIR, ["$['a']", "$['b']"]),
        ("$..[ 0 ]", PAIR, ["$['b'][0]"]),
    ],
    "§2.2 the root": [
        ("$", PAIR, ["$"]),
        ("$", [1, [2]], ["$"]),
        ("$", "text", ["$"]),
        ("$", None, ["$"]),
    ],
    "§2.3.1 names in quotes": [
        ("$.o['j j']", QUOTES, ["$['o']['j j']"]),
        ("$.o['j j']['k.k']", QUOTES, ["$['o']['j j']['k.k']"]),
        ('$.o["j j"]["k.k"]', QUOTES, ["$['o']['j j']['k.k']"]),
        ("""$["'"]["@"]""", QUOTES, [r"$['\'']['@']"]),
        ("$['missing']", QUOTES, []),
        ("$['a']", ["a"], []),
        ("$['0']", ["a"], []),
        ("$['a']", "a", []),
        ("$['a']", 1, []),
        ("$['0']", DIGITS, ["$['0']"]),
        ("$['-1']", DIGITS, ["$['-1']"]),
        ("$['A']", {"a": 1, "A": 2}, ["$['A']"]),
        ("$['é']", {"é": 1, "e\u0301": 2}, ["$['é']"]),  # §2.3.1.2: no normalization
        *named("", "$['']", '$[""]'),
        *named("*", "$['*']"),
        *named("$", "$['$']"),
        *named("..", "$['..']"),
        *named("a,b", "$['a,b']"),
        *named("']['", """$["']['"]"""),
        *named("?@.a", "$['?@.a']"),
        *named("1:2", "$['1:2']"),
        *named('"', """$['"']""", r"""$["\""]"""),
        *named("'", r"$['\'']", """$["'"]"""),
        *named("\x7f", "$['\x7f']", '$["\x7f"]'),
        *named("é", "$['é']", '$["é"]'),
        *named("☺", "$['☺']"),
        *named("\U0001d11e", "$['\U0001d11e']", '$["\U0001d11e"]'),
        *named("\ufeff", "$['\ufeff']"),
        *named("\uffff", "$['\uffff']"),
        *named("\u2028", "$['\u2028']"),
        *named("\U0010ffff", "$['\U0010ffff']"),
    ],
    "§2.3.1.1 escapes": [
        *named("\b", r"$['\b']", r'$["\b"]'),
        *named("\f", r"$['\f']", r'$["\f"]'),
        *named("\n", r"$['\n']", r'$["\n"]'),
        *named("\r", r"$['\r']", r'$["\r"]'),
        *named("\t", r"$['\t']", r'$["\t"]'),
        *named("/", r"$['\/']", r'$["\/"]', "$['/']"),
        *named("\\", r"$['\\']", r'$["\\"]'),
        *named("\\'", r"$['\\\'']"),
        *named('\\"', r"""$['\\"']""", r"""$["\\\""]"""),
        *named("\\n", r"$['\\n']"),
        *named("A", r"$['\u0041']", r'$["\u0041"]'),
        *named("\x00", r"$['\u0000']"),
        *named("\x0b", r"$['\u000b']", r"$['\u000B']"),
        *named("'", r"$['\u0027']", r'$["\u0027"]'),
        *named('"', r"$['\u0022']", r'$["\u0022"]'),
        *named("\\", r"$['\u005c']", r"$['\u005C']"),
        *named("☺", r"$['\u263a']", r"$['\u263A']"),
        *named("\ud7ff", r"$['\ud7ff']"),
        *named("\ue000", r"$['\uE000']"),
        *named("\U0001d11e", r"$['\ud834\udd1e']", r'$["\uD834\uDD1E"]', r"$['\uD834\udd1e']"),
        *named("\U0010ffff", r"$['\udbff\udfff']"),
        *named("a\U0001f600b", r"$['a\ud83d\ude00b']"),
        *named("00410", r"$['\u00300410']"),
    ],
    "§2.3.2 wildcards": [
        ("$[*]", CHILDREN, ["$['o']", "$['a']"]),
        ("$.*", CHILDREN, ["$['o']", "$['a']"]),
        ("$.o[*]", CHILDREN, ["$['o']['j']", "$['o']['k']"]),
        ("$.o[*, *]", CHILDREN, ["$['o']['j']", "$['o']['k']"]),
        ("$.a[*]", CHILDREN, ["$['a'][0]", "$['a'][1]"]),
        ("$.a.*", CHILDREN, ["$['a'][0]", "$['a'][1]"]),
        ("$[*].j", CHILDREN, ["$['o']['j']"]),
        ("$[*][1]", CHILDREN, ["$['a'][1]"]),
        ("$.*.*", CHILDREN, ["$['o']['j']", "$['o']['k']", "$['a'][0]", "$['a'][1]"]),
        ("$.*[*].*", CHILDREN, []),
        ("$[*]", "text", []),
        ("$.*", [], []),
        ("$[*]", {}, []),
    ],
    "§2.3.3 indexes": [
        ("$[1]", ["a", "b"], ["$[1]"]),
        ("$[0]", ["a", "b"], ["$[0]"]),
        ("$[2]", ["a", "b"], []),
        ("$[10]", [*range(12)], ["$[10]"]),
        ("$[9007199254740991]", ["a", "b"], []),
        ("$[0]", DIGITS, []),
        ("$['0'][0]", DIGITS, ["$['0'][0]"]),
        ("$['1'][0]", DIGITS, []),
        ("$[0]", "text", []),
        ("$[0][1]", [["a", "b"], "c"], ["$[0][1]"]),
        ("$[0].a[0]", [{"a": [1, 2]}], ["$[0]['a'][0]"]),
    ],
    "§2.5.1 several selectors": [
        ("$[0, 3]", LETTERS, ["$[0]", "$[3]"]),
        ("$[3,0]", LETTERS, ["$[0]", "$[3]"]),
        ("$[0, 0]", LETTERS, ["$[0]"]),
        ("$[6,7]", LETTERS, ["$[6]"]),
        ("$['a','b']", PAIR, ["$['a']", "$['b']"]),
        ("""$["a",'b']""", PAIR, ["$['a']", "$['b']"]),
        ("$['a','a']", PAIR, ["$['a']"]),
        (r"$['a','\u0061']", PAIR, ["$['a']"]),
        ("$['a','missing']", PAIR, ["$['a']"]),
        ("$['a',*]", PAIR, ["$['a']", "$['b']"]),
        ("$[*,0]", LETTERS[:2], ["$[0]", "$[1]"]),
        ("$[*][0,'b']", PAIR, ["$['a']['b']", "$['b'][0]"]),
    ],
    "§2.5.1 names without quotes": [
        ("$.a", PAIR, ["$['a']"]),
        ("$.a.b", PAIR, ["$['a']['b']"]),
        ("$.a['b']", PAIR, ["$['a']['b']"]),
        ("$['a'].b", PAIR, ["$['a']['b']"]),
        ("$.b[0]", PAIR, ["$['b'][0]"]),
        ("$.c", PAIR, []),
        ("$.a", [{"a": 1}], []),
        ("$.A", PAIR, []),
        *named("_", "$._"),
        *named("a1_Z9", "$.a1_Z9"),
        *named("true", "$.true"),
        *named("length", "$.length"),
        *named("é", "$.é"),
        *named("☺a", "$.☺a"),
        *named("\x80", "$.\x80"),
        *named("a\x80", "$.a\x80"),
        *named("a\xa0b", "$.a\xa0b"),
        *named("\u2028", "$.\u2028"),
        *named("\ud7ff\ue000", "$.\ud7ff\ue000"),
        *named("\U00010000", "$.\U00010000"),
        *named("a\U0010ffff", "$.a\U0010ffff"),
    ],
    "§2.5.2 descendants": [
        ("$..j", DESCENDANTS, ["$['o']['j']", "$['a'][2][0]['j']"]),
        ("$..['j']", DESCENDANTS, ["$['o']['j']", "$['a'][2][0]['j']"]),
        ("$..[0]", DESCENDANTS, ["$['a'][0]", "$['a'][2][0]"]),
        *(
            (
                pattern,
                DESCENDANTS,
                [
                    *("$['o']", "$['o']['j']", "$['o']['k']", "$['a']", "$['a'][0]", "$['a'][1]", "$['a'][2]"),
                    *("$['a'][2][0]", "$['a'][2][0]['j']", "$['a'][2][1]", "$['a'][2][1]['k']"),
                ],
            )
            for pattern in ["$..*", "$..[*]"]
        ),
        ("$..o", DESCENDANTS, ["$['o']"]),
        ("$.o..[*, *]", DESCENDANTS, ["$['o']['j']", "$['o']['k']"]),
        (
            "$.a..[0, 1]",
            DESCENDANTS,
            ["$['a'][0]", "$['a'][1]", "$['a'][2][0]", "$['a'][2][1]"],
        ),
        ("$..a", NESTED, ["$['a']", "$['a']['a']", "$['a']['a']['a']", "$['a']['b'][0]['a']"]),
        ("$..a.b", NESTED, ["$['a']['b']", "$['a']['a']['b']"]),
        ("$..a..b", NESTED, ["$['a']['b']", "$['a']['a']['b']"]),
        ("$..a..a", NESTED, ["$['a']['a']", "$['a']['a']['a']", "$['a']['b'][0]['a']"]),
        ("$..a[*].a", NESTED, ["$['a']['a']['a']"]),
        ("$..*.a", NESTED, ["$['a']['a']", "$['a']['a']['a']", "$['a']['b'][0]['a']"]),
        ("$..*..b", NESTED, ["$['a']['b']", "$['a']['a']['b']"]),
        ("$.b..a", NESTED, []),
        ("$..['b','missing'][0]", NESTED, ["$['a']['b'][0]"]),
        ("$..a", 1, []),
        ("$..é", {"x": {"é": 1}}, ["$['x']['é']"]),
    ],
    "§2.6 null": [
        ("$.a", NULLS, ["$['a']"]),
        ("$.a[0]", NULLS, []),
        ("$.a.d", NULLS, []),
        ("$.b[0]", NULLS, ["$['b'][0]"]),
        ("$.b[*]", NULLS, ["$['b'][0]"]),
        ("$.null", NULLS, ["$['null']"]),
        ("$.c[*].*", NULLS, []),
    ],
}

#: What the RFC does not allow, with a part of the reason that is given.
INVALID = {
    "§2.1 the root and its segments": {
        "begins with": ["", " ", "a", "a.b", ".a", "..a", "['a']", "@", "@.a", "*", "\ufeff$.a", "\\$", "＄.a"],  # noqa: RUF001
        "here .name": [
            *("$a", "$$", "$0", "$'a'", "$*", "$.a'b'", "$[0]a", "$['a']*", "$/a", "$,", "$.a,b", "$.a]", "$]"),
        ],
    },
    "§2.1.1 blanks": {
        "begins with": [" $", "\n$.a", "\t$"],
        "does not end in a blank": ["$ ", "$.a ", "$.a\n", "$.a\r", "$['a']\t", "$..* "],
        "here a name": ["$. a", "$.\na", "$. *", "$.. a", "$..\t*", "$.. ['a']", "$. .a"],
        "here .name": ["$\xa0.a", "$\x0b.a", "$\x0c.a", "$\u2003.a", "$.a b", "$.a\x00"],
        "in brackets": ["$[\xa00]", "$[\x0b'a']", "$[\u3000*]"],
    },
    "§2.3.1 names in quotes": {
        "in brackets": ["$['a]", '$["a]', "$[']", r"$['\']", r'$["\"]', "$[a]", "$[true]", "$[`a`]"],
        "here , or ]": ["$['a'", "$['a''b']", "$['a' 'b']", "$['a'.b]", "$['it's']", '$["a"b"]'],
        "is no name": ["$['\x00']", "$['\n']", "$['\t']", "$['a\x1f']", '$["\x00"]', '$["a\n"]', '$["\x1f"]'],
    },
    "§2.3.1.1 escapes": {
        "is no name": [
            *(r"$['\a']", r"$['\x41']", r"$['\0']", r"$['\v']", r"$['\ ']", r"$['\U0041']", r"$['\N']", "$['\\\n']"),
            *(r"$['\u']", r"$['\u004']", r"$['\u004g']", r"$['\u{41}']"),
            *(r"$['\u+041']", r"$['\u0_41']", r"$['\u 041']"),
            *(r'$["\u004"]', r'$["\u00-1"]', r'$["\a"]', r"$['\u０041']"),  # noqa: RUF001
            *(r"""$['\"']""", r"""$["\'"]"""),  # each quote is escaped in its own kind of quotes only
        ],
    },
    "§2.3.3 indexes": {
        "here , or ]": [
            *("$[00]", "$[01]", "$[1.0]", "$[1.]", "$[1e2]", "$[1E0]", "$[0x1]", "$[1_0]", "$[1 2]", "$[0", "$[1٣]"),
        ],
        "in brackets": ["$[-0]", "$[-01]", "$[+1]", "$[.5]", "$[１]", "$[٣]", "$[²]", "$[- 1]", "$[--1]"],  # noqa: RUF001
        "below 2\\*\\*53": ["$[9007199254740992]", "$[99999999999999999999]", f"$[{'9' * 5000}]"],
    },
    "§2.5.1 brackets and dots": {
        "in brackets": [
            *("$[", "$[ ", "$[]", "$[ ]", "$['a',]", "$[,'a']", "$[0,,1]", "$[,]", "$.a[]", "$[['a']]", "$[$.a]"),
        ],
        "here , or ]": ["$[*", "$[**]", "$[* *]", "$['a';'b']", "$[0)"],
        "here a name": [
            *("$.", "$.a.", "$.1", "$.1a", "$.-a", "$.'a'", '$."a"'),
            *("$.[0]", "$.['a']", "$.[*]", "$.$", "$.@", "$.&", "$.#"),
            *("$.\x7f", "$.\\u0061", "$.\ud834", "$.\udd1e", "$.(a)"),
        ],
        "here .name": ["$.a-b", "$.a$", "$.a#", "$.*a", "$.**", "$.a*", "$.a\\u0062", "$.a\x7f", "$.a\ud834"],
    },
    "§2.5.2 descendants": {
        "here a name": [
            *("$..", "$.a..", "$...", "$...a", "$....a", "$...[0]", "$..1", "$..'a'", '$.."a"', "$..$", "$..?@.a"),
        ],
        "in brackets": ["$..[", "$..[]"],
        "here .name": ["$..**", "$..a-b"],
    },
}

#: What the RFC allows and a rule can't take, since both sides' arrays may differ in their lengths and elements.
REFUSED_BY_DESIGN = {
    "§2.3.3 negative indexes": ["$[-1]", "$[0,-1]", "$..book[-1]", "$.a[ -2 ]", "$[-9007199254740991]", "$['a',-1]"],
    "§2.3.4 slices": [
        *("$[1:3]", "$[:]", "$[::]", "$[1:]", "$[:2]", "$[1:5:2]", "$[5:1:-2]", "$[::-1]", "$[-1:]", "$[1 : 2]"),
        *("$[0:2,5]", "$..book[:2]", "$['a',1:2]"),
    ],
    "§2.3.5 filters": [
        *("$[?@.a]", "$[?@.a=='b']", "$[?(@.a)]", "$[?!@.a]", "$[? @.a]", "$..book[?@.isbn]", "$..[?@.price<10]"),
        *("$[?$.a]", "$['a',?@.b]", "$[?@.a&&@.b||@.c]"),
    ],
    "§2.4 functions": ["$[?length(@)<3]", "$[?count(@.*)==1]", "$[?match(@.a,'b')]", "$[?value(@.a)==1]"],
}


def children(value):
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def descendants(keys, value):
    """A node and all below it, in the order of §2.5.2.2."""
    yield keys, value
    for key, child in children(value):
        yield from descendants((*keys, key), child)


def chosen(segment, key):
    return segment.wildcard or key in (segment.names if isinstance(key, str) else segment.indexes)


def nodelist(pattern, document):
    """The places that a pattern selects, one segment after the other as §2.1.2 says."""
    nodes = [((), document)]
    for segment in parse_path(pattern):
        if segment.descendant:
            nodes = [below for node in nodes for below in descendants(*node)]
        pairs = [(keys, key, child) for keys, value in nodes for key, child in children(value)]
        nodes = [((*keys, key), child) for keys, key, child in pairs if chosen(segment, key)]
    return {keys for keys, _ in nodes}


def changed(value):
    """A document with other scalars in the same places."""
    if isinstance(value, dict):
        return {name: changed(child) for name, child in value.items()}
    return [changed(child) for child in value] if isinstance(value, list) else f"not {value!r}"


def differing(document, *rules):
    """Where a comparison with a document of other scalars finds that they differ."""
    return sorted(path for _, path in found(document, changed(document), *rules))


def cases(by_section):
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), id=f"{section[1:]}, {number}")
        for section, listed in by_section.items()
        for number, case in enumerate(listed, 1)
    ]


@pytest.mark.parametrize(("pattern", "document", "paths"), cases(SELECTED))
def test_a_pattern_selects_these_places_and_no_others(pattern, document, paths):
    selected = nodelist(pattern, document)
    assert sorted(map(normalized, selected)) == sorted(paths)

    scalars = [keys for keys, value in descendants((), document) if not isinstance(value, dict | list)]
    reached = {keys for keys in scalars if any(keys[:length] in selected for length in range(len(keys) + 1))}
    left = sorted(write_path(keys) for keys in scalars if keys not in reached)
    assert differing(document, IgnorePath(pattern)) == left
    assert differing(document, *map(IgnorePath, paths)) == left  # a normalized path is itself a path
    assert set(differing(document, Only(pattern))) >= set(map(write_path, reached))  # and what may lead there


def refusals():
    return {
        section: [(pattern, why) for why, patterns in reasons.items() for pattern in patterns]
        for section, reasons in INVALID.items()
    }


@pytest.mark.parametrize(("pattern", "why"), cases(refusals()))
def test_what_the_rfc_does_not_allow_is_refused_by_name(pattern, why):
    with pytest.raises(ValueError, match=rf"{re.escape(repr(pattern))}, at character \d+: .*{why}"):
        IgnorePath(pattern)


@pytest.mark.parametrize("pattern", cases(REFUSED_BY_DESIGN))
def test_what_asks_about_a_whole_array_is_refused_by_name(pattern):
    with pytest.raises(ValueError, match=rf"{re.escape(repr(pattern))}, .*(no filters|there are no slices)"):
        IgnorePath(pattern)


#: §2.7's own examples, and one of each character that its grammar treats in a way of its own.
WRITTEN = {
    "§2.7 the table": [
        (["a"], "$['a']"),
        ([1], "$[1]"),
        (["a", "b", 1], "$['a']['b'][1]"),
        (["\x0b"], r"$['\u000b']"),
        (["\u0061"], "$['a']"),
    ],
    "§2.7 the grammar": [
        ([], "$"),
        ([0], "$[0]"),
        ([2**53 - 1], "$[9007199254740991]"),
        (["0"], "$['0']"),
        ([""], "$['']"),
        (['"/'], "$['\"/']"),
        (["'\\"], r"$['\'\\']"),
        (["\b\t\n\f\r"], r"$['\b\t\n\f\r']"),
        (["\x00\x0e\x0f\x1a\x1f"], r"$['\u0000\u000e\u000f\u001a\u001f']"),
        (["é☺\U0001d11e"], "$['é☺\U0001d11e']"),
    ],
}


@pytest.mark.parametrize(("keys", "path"), cases(WRITTEN))
def test_a_place_is_written_in_one_way(keys, path):
    assert write_path(keys) == normalized(keys) == path
    assert [segment.names | segment.indexes for segment in parse_path(path)] == [{key} for key in keys]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (r"$['\ud834']", "\ud834"),
        (r'$["\uDD1E"]', "\udd1e"),
        (r"$['\udd1e\ud834']", "\udd1e\ud834"),
        (r"$['\ud834\u0041']", "\ud834A"),
        (r"$['\ud834\n']", "\ud834\n"),
        ("$['\ud834']", "\ud834"),
    ],
    ids=range(6),
)
def test_a_lone_surrogate_in_quotes_is_taken_beyond_the_rfc(pattern, name):
    """§2.3.1.1 allows none, but Python reads one from JSON: a rule must be able to name that member."""
    body = {name: 1, "another": 2}
    (place,) = set(differing(body)) - {"$['another']"}
    for path in (pattern, place):
        assert differing(body, IgnorePath(path)) == ["$['another']"]
