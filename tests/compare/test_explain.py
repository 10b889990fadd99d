"""A divergence in words: one line for a log, some for a person. Pure."""

from __future__ import annotations

import json

import attrs
import pytest

from trioshadow import BodyDiff, Divergence, ErrorDiff, HeaderDiff, ResponseRecord, ShadowConfig
from trioshadow.compare import Normalize, SameError

JSON = {"content-type": "application/json"}
OLD = ResponseRecord(
    b'{"items": [{"price": 10.5}], "at": 1, "ok": true, "same": 0}',
    headers={**JSON, "set-cookie": "sid=1; Path=/", "x-old": "1"},
)
NEW = ResponseRecord(
    b'{"items": [{"price": 12}, 3], "ok": 1, "same": 0, "new": "\\u001b[2J"}',
    status=503,
    headers={"content-type": "application/problem+json", "set-cookie": "sid=2; Path=/; Secure", "x-new": "\x1b[2J"},
)
DIVERGENCE = Divergence.compare(OLD, NEW, ShadowConfig())


def test_one_line_without_values():
    assert str(DIVERGENCE) == (
        "status 200 -> 503; header x-new added, header x-old removed, header content-type changed, and 1 more; "
        "body: $.items[0].price changed, $.items[1] added, $.at removed, and 2 more"
    )


def test_some_lines_with_old_above_new():
    expected = r"""status
  - 200
  + 503
headers
  header content-type
    - application/json
    + application/problem+json
  header set-cookie (cookie sid)
    - ***; path=/
    + *** (another); path=/; secure
  header x-new (added)
    + \u001b[2J
  header x-old (removed)
    - 1
body (json): 5 changes
  $.items[0].price
    - 10.5
    + 12
  $.items[1] (added)
    + 3
  $.at (removed)
    - 1
  $.ok
    - true
    + 1
  $.new (added)
    + "\u001b[2J"
"""
    assert DIVERGENCE.explain() + "\n" == expected


def test_colour_only_when_asked():
    assert "\x1b" not in DIVERGENCE.explain()
    red, green, bold, normal = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"
    lines = DIVERGENCE.explain(color=True).split("\n")
    assert lines[0] == f"{bold}status{normal}"
    assert "  header content-type" in lines
    # From where they differ:
    assert f"{red}    - {normal}application/{red}json{normal}" in lines
    assert f"{green}    + {normal}application/{green}problem+json{normal}" in lines
    plain = "\n".join(lines)
    for code in (red, green, bold, normal):
        plain = plain.replace(code, "")
    assert plain == DIVERGENCE.explain()


def test_no_wider_than_wanted_and_the_difference_in_view():
    old, new = "a" * 100 + "OLD" + "b" * 100, "a" * 100 + "NEW"
    divergence = Divergence.compare([old], [new], ShadowConfig())
    assert divergence.explain(width=40).splitlines() == [
        "body (value): 1 change",
        "  $[0]",
        "    - …" + "a" * 10 + "OLD" + "b" * 19 + "…",
        "    + …" + "a" * 10 + 'NEW"',
    ]
    assert all(len(line) <= 40 for line in DIVERGENCE.explain(width=40).splitlines())
    assert DIVERGENCE.explain(width=1000) == DIVERGENCE.explain()
    assert "- …aaaaOLDbbbbbbb…" in divergence.explain(width=20)
    deep = Divergence.compare({"customer": {"address": {"city": 1}}}, {"customer": {"address": {}}}, ShadowConfig())
    assert deep.explain(width=30).splitlines()[1] == "  …" + "$.customer.address.city (removed)"[-27:]
    for width in (0, -3, 19):
        with pytest.raises(ValueError, match=r"width must be a count of characters in \[20, inf\) or None, not "):
            divergence.explain(width=width)
    assert Divergence.compare(["short"], ["x" * 90], ShadowConfig()).explain(width=30).splitlines()[2:] == [
        '    - "short"',
        '    + "' + "x" * 22 + "…",
    ]


def told(primary, shadow, **settings):
    divergence = Divergence.compare(primary, shadow, ShadowConfig(**settings))
    return str(divergence), divergence.explain()


def test_bytes():
    assert told(b"hello, world", b"hello there") == (
        "body: $ differs from byte 5 on, length 12 -> 11",
        "body (bytes): 12 -> 11, from byte 5 on\n  $\n    - b'hello, world'\n    + b'hello there'",
    )


def test_text():
    line, text = told("one\ntwo\n three\nend", "one\n2\nthree\nend\n")
    assert line == "body: $ line 2 changed, $ line 3 changed, $ line 5 added"
    assert text.splitlines() == [
        "body (text): 3 changes",
        *("  $ line 2", "    - two", "    + 2"),
        *("  $ line 3", '    - " three"', "    + three"),
        *("  $ line 5 (added)", '    + ""'),
    ]
    assert told("a", "b") == ("body: $ changed", "body (text): 1 change\n  $\n    - a\n    + b")
    long = "x" * 300
    assert told(f"a\n{long}", f"a\n{long}y")[1].splitlines()[-1] == "    + …" + "x" * 40 + "y (301 characters)"


def test_a_text_that_a_rule_made_a_document_of():
    line, text = told('{"a":1}', '{"a":2}', ignore=[Normalize("$", json.loads)])
    assert line == "body: $.a changed"
    assert text.splitlines()[1] == "  $.a"


def test_values_whose_texts_are_the_same_show_their_types():
    class One:
        def __repr__(self):
            return "x"

    class Two(One):
        pass

    assert told([One()], [Two()])[1].splitlines()[1:4] == ["  $[0]", "    - x (One)", "    + x (Two)"]
    assert told([1], [1.5], strict=True)[0] == "body: $[0] changed its type"


def test_none_is_a_value():
    assert told({"a": None}, {})[1].splitlines()[1:] == ["  $.a (removed)", "    - null"]
    assert told({}, {"a": None})[1].splitlines()[1:] == ["  $.a (added)", "    + null"]


def test_what_would_look_the_same_is_told_apart():
    composed, decomposed = "\xe9", "e\u0301"
    assert told([composed], [decomposed])[1].splitlines()[2:] == ['    - "\\u00e9"', '    + "e\\u0301"']
    assert told([1], ["1"])[1].splitlines()[2:] == ["    - 1", '    + "1"']


def test_what_was_cut_is_counted():
    line, text = told(list(range(300)), [-1] * 300, max_changes=2)
    assert line == "body: $[0] changed, $[1] changed, and 298 more"
    assert text.splitlines()[-1] == "  and 298 more changes"
    headers = {f"x-{number:03}": "1" for number in range(120)}
    text = Divergence.compare(ResponseRecord(b""), ResponseRecord(b"", headers=headers), ShadowConfig()).explain()
    assert text.splitlines()[-1] == "  and 20 more headers"
    long = Divergence(headers=HeaderDiff(("n" * 500,), (), ()))
    assert str(long) == f"header {'n' * 33}…{'n' * 53} added"


def test_the_end_of_a_deep_place_is_told():
    def deep(leaf):
        for _ in range(30):
            leaf = {"replies": [leaf]}
        return leaf

    line, _ = told(deep({"text": 1, "name": 1}), deep({"text": 2, "name": 2}))
    first, second = line.removeprefix("body: ").split(", ")
    assert (len(first), first[:11], first[-14:]) == (100, "$.replies[0", "].text changed")
    assert second.endswith("].name changed")


def test_notes_are_told():
    old, new = ResponseRecord(b"{", headers=JSON), ResponseRecord(b"}", headers=JSON)
    note = "the bodies are compared as bytes: the primary's: it can't be read as json: JSONDecodeError: "
    assert told(old, new)[1].splitlines()[-1].startswith(f"  note: {note}")


def test_errors():
    error = Divergence(error=ErrorDiff("KeyError", "LookupError", "'a'\n", "no\x07"))
    assert str(error) == "raised KeyError, the shadow LookupError"
    assert error.explain() == "error\n  - KeyError: 'a'\\n\n  + LookupError: no\\u0007"
    answered = Divergence(error=ErrorDiff("KeyError", None, "", ""))
    assert str(answered) == "raised KeyError, the shadow answered"
    assert answered.explain() == "error\n  - KeyError: \n  + an answer"
    namesakes = Divergence(error=ErrorDiff("ParserError", "ParserError", "no", "no"))
    assert namesakes.explain() == "error\n  - ParserError: no\n  + ParserError: no (not the same type)"


def error_of(primary, shadow, **config):
    comparison = ShadowConfig(**config).comparison
    return comparison.divergence_of_errors(comparison.raised(primary), comparison.raised(shadow))


def failed(*members):
    return ExceptionGroup("nursery", members)


def test_members_of_errors():
    found = error_of(OSError(5, "disk"), OSError(28, "full"))
    assert str(found) == "both raised OSError: $.errno changed"
    assert found.explain() == (
        "error\n  - OSError: [Errno 5] disk\n  + OSError: [Errno 28] full\n  error $.errno\n    - 5\n    + 28"
    )
    two_types = error_of(OSError(5, ""), OSError(28, ""), error_fields={OSError: ["strerror", "filename"]})
    assert str(two_types) == "both raised OSError: $.errno changed"
    renamed = error_of(KeyError(1), IndexError(2), ignore=[SameError(KeyError, IndexError)])
    assert renamed is None
    fields = {LookupError: ["args[0]"]}
    renamed = error_of(KeyError(1), IndexError(2), ignore=[SameError(KeyError, IndexError)], error_fields=fields)
    assert str(renamed) == "raised KeyError, the shadow IndexError: $.args[0] changed"


def test_members_of_groups_of_errors():
    found = error_of(failed(ValueError("a"), KeyError("b")), failed(ValueError("a"), IndexError("c")))
    assert str(found) == "both raised ExceptionGroup: only the primary KeyError, only the shadow IndexError"
    assert found.explain() == (
        "error\n  both raised ExceptionGroup: nursery (2 sub-exceptions)\n"
        "  error $.exceptions[1] (only the primary raised it)\n    - KeyError: 'b'\n"
        "  error $.exceptions[1] (only the shadow raised it)\n    + IndexError: c"
    )
    more = error_of(failed(KeyError()), failed(IndexError(), OSError()), max_changes=1)
    assert str(more) == "both raised ExceptionGroup: only the primary KeyError, and 2 more"
    assert more.explain().endswith("\n  and 2 more changes")
    strict = error_of(failed(KeyError("x" * 400)), failed(KeyError("x" * 399)), strict_errors=True)
    assert str(strict) == "both raised ExceptionGroup: $.exceptions[0] changed"
    both = error_of(OSError(5, "a"), OSError(28, "a"), strict_errors=True)
    assert both.explain().count("OSError") == 2
    noted = error_of(ValueError([*range(999)]), ValueError(1), error_fields={ValueError: ["args[0]"]})
    assert noted.explain().endswith("\n  note: of $.args[0] only a part is compared")
    masked = attrs.evolve(found.error, changes=[attrs.evolve(one, primary="***") for one in found.error.changes])
    assert str(Divergence(error=masked)).startswith("both raised ExceptionGroup: an exception removed, only the shadow")


def test_a_body_that_only_differs():
    assert str(Divergence(body=BodyDiff(None, None, None))) == "body: $ differs"
