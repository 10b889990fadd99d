"""What is masked before it is written. Pure: each test looks at the line itself, where any leak would be."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import (
    BodyDiff,
    Captured,
    Divergence,
    DivergenceRecord,
    ErrorDiff,
    FailureKind,
    HeaderDiff,
    ResponseRecord,
    ShadowConfig,
    ShadowFailure,
    Verdict,
    encode_key,
)
from trioshadow._model.keys import key_as_text
from trioshadow.archive import Redaction
from trioshadow.archive._lines import record_line, snapshot_line
from trioshadow.archive._masks import mask_secrets
from trioshadow.compare import Change, ChangeKind, Excerpt, HeaderChange, KeyedBy, Unordered
from trioshadow.evidence import fields_of
from trioshadow.evidence._places import words_of

from tests.support.archives import SNAPSHOT, answers, captured, divergence, record

SECRET = "s3cret"


def written(redaction, original):
    return record_line(redaction.apply(original)).decode()


def words(redaction, original):
    return redaction.apply(original).divergence.explain()


def headers(name, old=SECRET + "-1", new=SECRET + "-2"):
    sides = [ResponseRecord(b"", headers=[(name, value)]) for value in (old, new)]
    return record(old=divergence(*sides))


# ── the context of a call ───────────────────────────────────────────────────────────────────────────────────────────


def test_values_of_a_context_are_kept_hashed_or_masked_as_keys_are():
    original = attrs.evolve(record(), context=(("tenant", "acme"), ("api_token", SECRET), ("from", f"//{SECRET}@a")))
    kept = dict(Redaction().apply(original).context)
    assert kept == {"tenant": "acme", "api_token": "***", "from": "//***@a"}
    hashed = dict(Redaction(keys="hash").apply(original).context)
    assert hashed["tenant"] == "822b33ad87c148a0a20a5ba7cd5ebcaa"
    assert SECRET not in written(Redaction(keys="hash"), original)


# ── headers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pattern", ["X-User", "x-us*", "x-use?"])
def test_values_of_named_headers_are_masked_and_still_told_apart(pattern):
    redaction = Redaction([pattern])
    assert SECRET not in written(redaction, headers("x-user"))
    assert words(redaction, headers("x-user")) == "headers\n  header x-user\n    - ***\n    + *** (another)"
    assert SECRET in written(redaction, headers("x-other"))


def test_cookies_and_credentials_are_masked_without_being_asked():
    # As a function of the user's that compares may have left them.
    names = ("authorization", "cookie", "set-cookie")
    changes = tuple(HeaderChange(name, (SECRET + "1",), (SECRET + "2",)) for name in names)
    found = Divergence(headers=HeaderDiff((), (), names, changes))
    assert SECRET not in written(Redaction(), record(old=found))


def test_the_names_of_cookies_stay():
    redacted = Redaction().apply(headers("set-cookie", "sid=1; Path=/", "sid=2; Path=/"))
    assert [change.cookie for change in redacted.divergence.headers.changes] == ["sid"]


def test_the_attributes_of_cookies_stay():
    assert "***; path=/" in written(Redaction(), headers("set-cookie", "sid=1; Path=/", "sid=2; Path=/"))
    assert "path=/" not in written(Redaction(["set-cookie"]), headers("set-cookie", "sid=1; Path=/", "sid=2; Path=/"))


def test_secrets_in_urls_are_masked_in_headers_messages_keys_and_names():
    url = f"https://ada:{SECRET}@id.test/cb?page=2&code={SECRET}&X-Amz-Signature={SECRET}#top"
    plain = "https://***@id.test/cb?page=2&code=***&X-Amz-Signature=***#top"
    assert mask_secrets(url) == plain
    assert plain in written(Redaction(), headers("location", url, "/"))
    failure = ShadowFailure(FailureKind.RAISED, "ConnectError", f"no route to {url}")
    failed = DivergenceRecord(url.encode(), url, Verdict.FAILED, None, failure, 1.0, None, None)
    assert SECRET not in written(Redaction(), failed)
    assert Redaction().apply(failed).key == plain.encode()
    errors = Divergence(error=ErrorDiff("E", "F", url, url))
    assert SECRET not in written(Redaction(), record(old=errors))


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def at(path, old, new, **config):
    """The line of a record of two JSON bodies."""
    bodies = answers(json.dumps(old).encode(), json.dumps(new).encode())
    return written(Redaction(paths=[path]), record(old=divergence(*bodies, **config)))


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("$.user.email", {"user": {"email": SECRET}}, {"user": {"email": "x"}}),
        ("$.user", {"user": {"email": SECRET}}, {"user": {"email": "x"}}),
        ("$..email", {"a": [{"email": SECRET}]}, {"a": [{"email": "x"}]}),
        ("$.user.email", {"user": {"email": SECRET}}, {"user": None}),
        ("$.user.email", {"user": {"email": SECRET}}, {}),
        ("$.user.email", {}, {"user": {"email": SECRET}}),
        ("$.user.email", {"user": {"email": SECRET}}, [1]),
        ("$.user.email", {"user": {"email": SECRET, "rest": "x" * 400}}, {"user": 1}),
        ("$.users[*].email", {"users": [{"email": SECRET}]}, {"users": []}),
        ("$.users[1].email", {"users": [1, {"email": SECRET}]}, {"users": [1]}),
        ("$..email", {"u" * 300: {"email": SECRET}}, {"u" * 300: {"email": "x"}}),
        ("$.a['it\\'s']", {"a": {"it's": SECRET}}, {"a": {"it's": 1}}),
        ("$['\\ud800']", {"\ud800": SECRET}, {"\ud800": 1}),
        ("$", SECRET, "x"),
    ],
)
def test_what_is_at_a_path_or_below_is_masked_on_each_side_and_in_each_form(path, old, new):
    assert SECRET not in at(path, old, new)
    assert SECRET not in at(path, new, old)


def test_the_rest_stays_and_masks_tell_that_values_differ():
    bodies = {"user": {"email": "a", "age": 1}}, {"user": {"email": "b", "age": 2}}
    redacted = words(Redaction(paths=["$..email"]), record(old=divergence(*bodies)))
    assert redacted.splitlines()[1:] == [
        *("  $.user.email", '    - "***"', '    + "*** (another)"'),
        *("  $.user.age", "    - 1", "    + 2"),
    ]
    whole = words(Redaction(paths=["$..email"]), record(old=divergence({"user": {"email": "a", "age": 1}}, {})))
    assert '{"email": "***", "age": 1}' in whole


def test_elements_that_were_matched_by_key_or_in_any_order_are_masked():
    old, new = {"u": [{"id": 1, "e": SECRET}]}, {"u": [{"id": 2, "e": "x"}]}
    assert SECRET not in at("$.u[*].e", old, new, ignore=[Unordered("$.u")])
    assert SECRET not in at("$.u[*].e", old, new, ignore=[KeyedBy("$.u", "id")])


def test_elements_of_sets_have_the_path_of_the_set_and_are_masked():
    found = divergence({"tags": {SECRET, "a"}, "pairs": {(1, SECRET)}}, {"tags": {"a"}, "pairs": {(1, "x")}})
    redacted = written(Redaction(paths=["$.tags[*]", "$.pairs[*][1]"]), record(old=found))
    assert SECRET not in redacted


def test_a_place_that_cannot_be_told_is_masked():
    deep_old, deep_new = SECRET, "x"
    for _ in range(60):
        deep_old, deep_new = [deep_old], [deep_new]
    odd = divergence({None: SECRET, "deep": deep_old}, {None: "x", "deep": deep_new})
    assert SECRET not in written(Redaction(paths=["$.nothing"]), record(old=odd))
    name = type("Name", (str,), {})("a")
    change = Change("$", ChangeKind.CHANGED, {name: SECRET}, Excerpt("", "str", 0))
    made = Divergence(body=BodyDiff(1, 1, None, (change,), forms=("value", "value")))
    assert SECRET not in written(Redaction(paths=["$.a"]), record(old=made))


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "application/json"])
def test_bodies_without_places_are_masked_whole_when_paths_are(content_type):
    bodies = answers(f"a\n{SECRET}".encode(), f"b\n{SECRET}x".encode(), headers={"content-type": content_type})
    original = record(old=divergence(*bodies))
    assert SECRET in original.divergence.explain()
    assert SECRET not in words(Redaction(paths=["$.a"]), original)


def test_messages_are_masked_when_paths_are_since_they_quote_values():
    redaction = Redaction(paths=["$.a"])
    failure = ShadowFailure(FailureKind.RAISED, "ValidationError", f"input_value={SECRET!r}")
    redacted = redaction.apply(DivergenceRecord(b"", "", Verdict.FAILED, None, failure, 1.0, None, None))
    assert redacted.failure == ShadowFailure(FailureKind.RAISED, "ValidationError", "***")
    found = Divergence(error=ErrorDiff("E", None, SECRET, ""), body=BodyDiff(1, 1, None, notes=(SECRET,)))
    redacted = redaction.apply(record(old=found)).divergence
    assert redacted == Divergence(error=ErrorDiff("E", None, "***", ""), body=BodyDiff(1, 1, None, notes=("***",)))


def error_of(primary, shadow, **config):
    comparison = ShadowConfig(**config).comparison
    return comparison.divergence_of_errors(comparison.raised(primary), comparison.raised(shadow))


NAMED = {"error_fields": {ValueError: ["args"]}}
SECRET_ERRORS = [
    error_of(ValueError(SECRET), ValueError("x"), **NAMED),
    error_of(ValueError({"a": SECRET}), ValueError({"a": "x"}), **NAMED),
    error_of(ValueError([SECRET] * 9), ValueError("x"), **NAMED),
    error_of(ValueError(SECRET.encode()), ValueError("x"), **NAMED),
    error_of(ExceptionGroup("", [KeyError(SECRET)]), ExceptionGroup("", [OSError()])),
    error_of(ExceptionGroup("", [OSError()]), ExceptionGroup("", [OSError(), KeyError(SECRET)])),
    error_of(ExceptionGroup("", [KeyError(SECRET)]), ExceptionGroup("", [KeyError()]), strict_errors=True),
]


@pytest.mark.parametrize("found", SECRET_ERRORS)
def test_with_paths_texts_in_exceptions_are_masked_since_they_may_quote_anything(found):
    assert SECRET in written(Redaction(), record(old=found))
    redacted = written(Redaction(paths=["$.elsewhere"]), record(old=found))
    assert SECRET not in redacted
    assert SECRET.encode().hex() not in redacted
    for name, told in fields_of(found, None).items():
        old, new = words_of(told)
        snapshot = snapshot_of(name, old, new)
        assert SECRET not in str(Redaction(paths=["$.elsewhere"]).apply_to_snapshot(snapshot))


def test_numbers_in_exceptions_are_masked_where_a_path_names_them():
    found = error_of(OSError(5, ""), OSError(28, ""))
    kept = Redaction(paths=["$.elsewhere"]).apply(record(old=found)).divergence.error.changes
    assert kept == found.error.changes
    (masked,) = Redaction(paths=["$.errno"]).apply(record(old=found)).divergence.error.changes
    assert (masked.primary, masked.shadow) == ("***", "*** (another)")
    one_sided = error_of(ExceptionGroup("", [OSError()]), ExceptionGroup("", [OSError(), KeyError(SECRET)]))
    (masked,) = Redaction(paths=["$.x"]).apply(record(old=one_sided)).divergence.error.changes
    assert (masked.primary, masked.shadow) == (None, "***")


def test_examples_of_members_of_exceptions_are_masked_alike():
    redaction = Redaction(paths=["$.errno"])

    def shown(name, old, new):
        field = redaction.apply_to_snapshot(snapshot_of(name, old, new))["operations"]["op"]["fields"][name]
        return [(one["primary"], one["shadow"]) for one in field["examples"]]

    assert shown("error $.status", "404", "500") == [("404", "500")]
    assert shown("error $.errno", "5", "28") == [("***", "*** (another)")]
    assert shown("error $.args[*]", f'"{SECRET}"', None) == [("***", None)]
    assert shown("error", f"ValueError: {SECRET}", None) == [("***", None)]


def test_secrets_in_members_of_exceptions_are_masked_in_any_case():
    token = f"https://example.org/?token={SECRET}"
    for found in (
        error_of(ValueError(token), ValueError("x"), **NAMED),
        error_of(ExceptionGroup("", [KeyError(token)]), ExceptionGroup("", [OSError()])),
    ):
        assert SECRET not in written(Redaction(), record(old=found))
        for name, told in fields_of(found, None).items():
            assert SECRET not in str(Redaction().apply_to_snapshot(snapshot_of(name, *words_of(told))))


def snapshot_of(name, old, new):
    example = {"key": "", "primary": old, "shadow": new}
    return {"operations": {"op": {"fields": {name: {"examples": [example]}}}}}


PLACES = st.lists(st.sampled_from(["a", "b", "c", 0, 1]), min_size=1, max_size=4)


@given(PLACES, PLACES, st.sampled_from([None, "x", {"a": 1}, [1]]), st.booleans())
def test_wherever_the_secret_is_it_is_masked(place, other, instead, same_first):
    """The pattern names the place of the secret or one above it; bodies of any two shapes."""

    def built(keys, leaf):
        for key in reversed(keys):
            leaf = {key: leaf} if isinstance(key, str) else [*[0] * key, leaf]
        return leaf

    old, new = built(place, SECRET), built(place if same_first else other, instead)
    pattern = "$" + "".join(f"['{key}']" if isinstance(key, str) else f"[{key}]" for key in place)
    assert SECRET not in at(pattern, old, new)
    assert SECRET not in at(pattern, new, old)


# ── what was captured ────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_captured_requests_and_answers_cookies_and_secrets_in_urls_are_masked():
    redacted = Redaction(["x-user"]).apply(record(captured=captured(b"{}"))).captured
    assert redacted.request["url"] == "/login?page=1&token=***"
    assert redacted.request["headers"] == [("Cookie", "***")]
    assert redacted.primary["headers"] == [("set-cookie", "***"), ("x-user", "***")]
    assert redacted.request["method"] == "POST"
    assert redacted.shadow["status"] == 200


@pytest.mark.parametrize("kind", [bytes, str])
def test_captured_bodies_are_decoded_masked_and_encoded_again(kind):
    body = '{"user": {"email": "s3cret", "n": 1}, "\ud800": 1}'
    body = body if kind is str else body.encode("utf-8", "surrogatepass")
    redacted = Redaction(paths=["$.user.email"]).apply(record(captured=captured(body))).captured
    assert type(redacted.primary["body"]) is kind
    assert json.loads(redacted.primary["body"]) == {"user": {"email": "***", "n": 1}, "\ud800": 1}


@pytest.mark.parametrize("body", [b'{"email": "s3cr', b"\xffs3cret", "s3cret", "[" * 5000, "email=s3cret"])
def test_captured_bodies_that_cannot_be_decoded_are_masked_whole(body):
    redacted = Redaction(paths=["$.email"]).apply(record(captured=captured(body))).captured
    assert redacted.shadow["body"] == ("***" if isinstance(body, str) else b"***")


def test_captured_values_are_masked_by_path_and_an_empty_body_stays():
    redaction = Redaction(paths=["$.email"])
    deep = []
    for _ in range(3000):
        deep = [deep]
    redacted = redaction.apply(record(captured=Captured({"email": 1, "n": 1}, b"", {"deep": deep}))).captured
    assert redacted == Captured({"email": "***", "n": 1}, b"", {"deep": deep})
    assert Redaction().apply(record(captured=Captured(f"/?token={SECRET}"))).captured.request == "/?token=***"
    assert Redaction(paths=["$..email"]).apply(record(captured=Captured(deep))).captured.request == "***"


# ── keys, the user's function ────────────────────────────────────────────────────────────────────────────────────────


def test_keys_are_kept_or_hashed():
    assert Redaction().apply(record(b"user-7")).key == b"user-7"
    assert Redaction(keys="hash").apply(record(b"user-7")).key == b"092081140b677b45dbe983b2f0d4ae02"
    assert Redaction(keys="hash").apply(record(b"")).key == b""


def test_a_key_that_is_a_tuple_stays_one():
    def kept(*items):
        return Redaction().apply(record(encode_key(items))).key_text

    assert kept("GET", f"/users?token={SECRET}&page=2") == "GET /users?token=***&page=2"
    assert kept("tenant", ("POST", f"/x?sid={SECRET}"), "abc") == "tenant (POST /x?sid=***) abc"
    assert kept("Bearer", f"{SECRET}9") == "Bearer ***"
    long = encode_key(("GET", f"/users?token={SECRET}&q={'x' * 300}"))[:256]
    shown = Redaction().apply(record(long)).key_text
    assert shown.startswith("GET /users?token=***&q=xxx")
    assert shown.endswith("xxx…")


def test_the_function_has_the_last_word():
    assert Redaction(function=lambda record: None).apply(record()) is None
    renamed = Redaction(
        ["x-user"], function=lambda record: attrs.evolve(record, operation=str(record.divergence.headers))
    )
    assert SECRET not in renamed.apply(headers("x-user")).operation, "it sees what is masked already"
    with pytest.raises(TypeError, match="must return a DivergenceRecord or None, not bool"):
        Redaction(function=lambda record: True).apply(record())


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"headers": "x-user"}, TypeError, "headers takes several names"),
        ({"headers": [1]}, TypeError, "name must be a str"),
        ({"headers": ["x user"]}, ValueError, "no blanks"),
        ({"paths": "$.a"}, TypeError, "paths takes several paths"),
        ({"paths": 7}, TypeError, "paths takes several paths"),
        ({"paths": ["a.b"]}, ValueError, "a path begins with"),
        ({"keys": "drop"}, ValueError, "keys must be 'keep' or 'hash', not 'drop'"),
        ({"function": 1}, TypeError, "function must be a function"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        Redaction(**arguments)


# ── snapshots ────────────────────────────────────────────────────────────────────────────────────────────────────────


def snapshot(*names, key="user-7", text=f'"{SECRET}"', **parts):
    example = {"key": key, "at": 1.0, "primary": text, "shadow": text}
    fields = {name: {"differed": 1, "examples": [example]} for name in names}
    operation = {"counts": {"matched": 1}, "fields": fields, **{k: {"examples": [example]} for k in parts}}
    return {**SNAPSHOT, "operations": {"GET /": operation}}


def snapshot_written(redaction, original):
    return snapshot_line(redaction.apply_to_snapshot(original), 1.0).decode()


@pytest.mark.parametrize(
    ("redaction", "name"),
    [
        (Redaction(["x-u*"]), "header x-user"),
        (Redaction(), "header authorization"),
        (Redaction(paths=["$.items[*].price"]), "$.items[*].price"),
        (Redaction(paths=["$.items[3].price"]), "$.items[*].price"),
        (Redaction(paths=["$.items"]), "$.items[*].price"),
        (Redaction(paths=["$..price"]), "$.items[*].price"),
        (Redaction(paths=["$.tags[*]"]), "$.tags"),
        *((Redaction(paths=["$.a"]), name) for name in ("$", "body", "failed", "error", "more changes")),
        *((Redaction(paths=["$.a"]), name) for name in ("$.b…", "$[null]", "$." + "b" * 254)),
    ],
)
def test_examples_of_masked_fields_are_masked(redaction, name):
    assert SECRET not in snapshot_written(redaction, snapshot(name))


def test_a_text_that_only_begins_like_a_plain_value_is_masked():
    redaction = Redaction(paths=["$.a.b"])
    for text in (f"bag(b={SECRET})", f"bytearray(b'{SECRET}')", f'["{SECRET}"]'):
        assert SECRET not in snapshot_written(redaction, snapshot("$.a", text=text))
    for text in (f"b'{SECRET}'", f'…"{SECRET}"'):
        assert SECRET in snapshot_written(redaction, snapshot("$.a", text=text))


def test_examples_of_others_stay():
    redaction = Redaction(["x-user"], paths=["$.a.b"])
    for name in ("status", "header etag", "$.c", "$.a.d", "$.a"):
        assert SECRET in snapshot_written(redaction, snapshot(name)), name
    assert SECRET not in snapshot_written(redaction, snapshot("$.a", text=f'{{"b": "{SECRET}"}}'))
    masked = redaction.apply_to_snapshot(snapshot("$.a.b"))["operations"]["GET /"]["fields"]["$.a.b"]["examples"][0]
    assert (masked["primary"], masked["shadow"]) == ("***", "*** (another)")


def test_examples_of_nobody_knows_what_are_masked_if_anything_is():
    folded = snapshot(other_fields=True)
    assert SECRET in snapshot_written(Redaction(), folded)
    assert SECRET not in snapshot_written(Redaction(["x-user"]), folded)
    assert SECRET not in snapshot_written(Redaction(paths=["$.a"]), folded)


def test_keys_of_examples_are_hashed_like_those_of_records():
    redacted = snapshot_written(Redaction(keys="hash"), snapshot("status"))
    assert "user-7" not in redacted
    assert "092081140b677b45dbe983b2f0d4ae02" in redacted
    for key in (b"3:GET,8:/users/1,", b"\xff\x00"):
        hashed = Redaction(keys="hash").apply(record(key)).key.decode()
        assert hashed in snapshot_written(Redaction(keys="hash"), snapshot("status", key=key_as_text(key)))
    assert SECRET not in snapshot_written(Redaction(), snapshot("status", key=f"/?token=ü\xa0{SECRET}", text="1"))


def test_operations_that_differ_in_a_secret_alone_stay_two():
    both = {**SNAPSHOT, "operations": {f"/?token={SECRET}{n}": {"counts": n} for n in range(3)}}
    told = Redaction().apply_to_snapshot(both)["operations"]
    assert told == {"/?token=***": {"counts": 0}, "/?token=***'": {"counts": 1}, "/?token=***''": {"counts": 2}}


def test_a_snapshot_is_not_changed_and_needs_no_examples():
    original = snapshot("$.a")
    before = json.dumps(original)
    Redaction(paths=["$.a"], keys="hash").apply_to_snapshot(original)
    assert json.dumps(original) == before
    assert Redaction().apply_to_snapshot(SNAPSHOT) == SNAPSHOT
    bare = {**SNAPSHOT, "operations": {"": {"fields": {"status": {"differed": 1}}}, "x": {}}}
    assert Redaction(paths=["$.a"]).apply_to_snapshot(bare) == bare
    one_sided = snapshot("$.a", text=None)
    assert Redaction(paths=["$.a"]).apply_to_snapshot(one_sided) == one_sided


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("/x?password=it's;x&page=2", "/x?password=***&page=2"),
        ("https://u:p'w@h/", "https://***@h/"),
        ("GET //u:pw@h/x", "GET //***@h/x"),
        ("https://h/#access_token=abc", "https://h/#access_token=***"),
        ("/x?pass=abc&sid=1&q=2", "/x?pass=***&sid=***&q=2"),
        ("Illegal header value b'Bearer eyJh.eyJz-_.c2ln'", "Illegal header value b'Bearer ***'"),
        ("authorization: basic YWRhOnB3==, retry", "authorization: basic ***, retry"),
        (
            "basic authentication failed: the bearer token expired",
            "basic authentication failed: the bearer token expired",
        ),
    ],
)
def test_what_stands_in_passwords_does_not_end_them(text, masked):
    assert mask_secrets(text) == masked
