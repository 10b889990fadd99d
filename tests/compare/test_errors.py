"""What is compared of exceptions: their types, well-known and named members, and what groups hold. Pure."""

from __future__ import annotations

import collections
import dataclasses
import enum
import errno
import gc
import http
import ipaddress
import random
import subprocess
import time
import types
import weakref
from decimal import Decimal
from typing import Any, NamedTuple

import attrs
import msgspec
import numpy
import pydantic
import pytest

from trioshadow import Divergence, ErrorDiff, ShadowConfig
from trioshadow.compare import (
    Accept,
    Change,
    CompareWith,
    Default,
    IgnoreName,
    IgnorePath,
    KeyedBy,
    Normalize,
    Only,
    SameError,
    SameNumber,
    SameText,
    SameType,
    Subset,
    Tolerance,
    Undecided,
    Unordered,
)
from trioshadow.compare._error_values import Bag

from tests.support.portable import TOO_LONG


class ApiError(Exception):
    def __init__(self, message="", **attributes):
        super().__init__(message)
        vars(self).update(attributes)


class NotFoundError(ApiError):
    pass


class OtherError(Exception):
    def __init__(self, message="", **attributes):
        super().__init__(message)
        vars(self).update(attributes)


def group(*members, message="", kind=ExceptionGroup):
    return kind(message, members)


def diff(primary, shadow, **settings) -> ErrorDiff | None:
    comparison = ShadowConfig(**settings).comparison
    raised = comparison.raised(shadow) if shadow is not None else None
    divergence = comparison.divergence_of_errors(comparison.raised(primary), raised)
    return None if divergence is None else divergence.error


def changes(primary, shadow, **settings) -> list[tuple]:
    """Path, old and new of each change; [] also where only types differ."""
    found = diff(primary, shadow, **settings)
    assert found is not None
    assert found.change_count >= len(found.changes)
    return [
        (one.path.replace("['", ".").replace("']", ""), *(_text(side) for side in (one.primary, one.shadow)))
        for one in found.changes
    ]


def _text(side):
    return getattr(side, "text", side)


# ── types, messages ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_exceptions_of_one_type_are_the_same_and_of_two_types_are_not():
    assert diff(ValueError("a"), ValueError("b")) is None
    assert diff(ValueError("a"), KeyError("b")) == ErrorDiff("ValueError", "KeyError", "a", "'b'")
    assert diff(ValueError("a"), None) == ErrorDiff("ValueError", None, "a", "")
    assert diff(ValueError("a"), group(ValueError("a"))) == ErrorDiff(
        "ValueError", "ExceptionGroup", "a", " (1 sub-exception)"
    )
    assert diff(group(ValueError()), group(ValueError(), kind=BaseExceptionGroup)) is None  # it makes an ExceptionGroup


def test_strict_errors_takes_messages_too_those_of_members_as_well():
    assert diff(ValueError("a"), ValueError("b"), strict_errors=True) == ErrorDiff("ValueError", "ValueError", "a", "b")
    assert diff(ValueError("a"), ValueError("a"), strict_errors=True) is None
    ours, theirs = group(KeyError("k"), ValueError("a")), group(ValueError("b"), KeyError("k"))
    assert diff(ours, theirs) is None
    assert changes(ours, theirs, strict_errors=True) == [("$.exceptions[1]", "ValueError: a", "ValueError: b")]
    assert diff(group(ValueError("a")), group(ValueError("a"), message="x"), strict_errors=True) == ErrorDiff(
        "ExceptionGroup", "ExceptionGroup", " (1 sub-exception)", "x (1 sub-exception)"
    )
    both = diff(ApiError("a", status=1), ApiError("b", status=2), strict_errors=True)
    assert both is not None
    assert [change.path for change in both.changes] == ["$", "$['status']"]


# ── the well-known ────────────────────────────────────────────────────────────────────────────────────────────────────


def response(status, name="status_code"):
    return types.SimpleNamespace(**{name: status})


class Slotted:
    __slots__ = ("status_code", "unset")

    def __init__(self, status):
        self.status_code = status


class ByProperty(Exception):
    @property
    def status_code(self):
        return self.args[0]

    @property
    def code(self):  # pragma: no cover - it is not to be read
        raise AssertionError("a property of this name may do anything")


def kind_of(name, module, *bases):
    return type(name, bases or (Exception,), {"__module__": module})


MySQLError = kind_of("MySQLError", "pymysql.err")
AioRpcError = kind_of("AioRpcError", "grpc.aio._call")
Inactive = kind_of("_InactiveRpcError", "grpc._channel")


def with_(exc, **attributes):
    vars(exc).update(attributes)
    return exc


NO, YES = http.HTTPStatus.NOT_FOUND, http.HTTPStatus.OK  # enum members with names, as gRPC's codes are

KNOWN = [
    (lambda x: OSError(x, "text"), errno.EIO, errno.ENOSPC, "$.errno"),
    (lambda x: ApiError(response=response(x)), 404, 500, "$.response.status_code"),
    (lambda x: ApiError(response=response(x, "status")), 404, 500, "$.response.status"),
    (lambda x: ApiError(response=Slotted(x)), 404, 500, "$.response.status_code"),
    (lambda x: ApiError(resp=response(x, "status")), 404, 500, "$.resp.status"),
    (lambda x: ApiError(meta=response(x, "status")), 404, 500, "$.meta.status"),
    (lambda x: ApiError(status_code=x), 404, 500, "$.status_code"),
    (lambda x: ApiError(status=x), 404, 500, "$.status"),
    (lambda x: ApiError(status=http.HTTPStatus(x)), 404, 500, "$.status"),
    (lambda x: ByProperty(x), 404, 500, "$.status_code"),
    (lambda x: ApiError(code=x), 404, 500, "$.code"),
    (lambda x: ApiError(code=x), -32600, -32601, "$.code"),
    (lambda x: ApiError(status=400, code=x), 1234, 1235, "$.code"),
    (lambda x: with_(AioRpcError(), _code=x), NO, YES, "$.code"),
    (lambda x: with_(Inactive(), _state=types.SimpleNamespace(code=x)), NO, YES, "$.code"),
    (lambda x: ApiError(response={"Error": {"Code": x}}), "NoSuchKey", "AccessDenied", "$.response.Error.Code"),
    (
        lambda x: ApiError(response={"ResponseMetadata": {"HTTPStatusCode": x}}),
        *(404, 403, "$.response.ResponseMetadata.HTTPStatusCode"),
    ),
    (lambda x: ApiError(sqlstate=x), "23505", "40001", "$.sqlstate"),
    (lambda x: ApiError(pgcode=x), "23505", "40001", "$.pgcode"),
    (lambda x: ApiError(orig=ApiError(sqlstate=x)), "23505", "40001", "$.orig.sqlstate"),
    (lambda x: ApiError(orig=ApiError(pgcode=x)), "23505", "40001", "$.orig.pgcode"),
    (lambda x: ApiError(sqlite_errorcode=x), 19, 5, "$.sqlite_errorcode"),
    (lambda x: ApiError(orig=ApiError(sqlite_errorcode=x)), 19, 5, "$.orig.sqlite_errorcode"),
    (lambda x: ApiError(orig=ApiError(errno=x)), 1062, 1213, "$.orig.errno"),
    (lambda x: MySQLError(x, "text"), 1062, 1213, "$.args[0]"),
    (lambda x: subprocess.CalledProcessError(x, "ls"), 1, 2, "$.returncode"),
    (lambda x: ApiError(exit_code=x), 1, 2, "$.exit_code"),
    (lambda x: ApiError(smtp_code=x), 450, 550, "$.smtp_code"),
    (lambda x: ApiError(faultCode=x), 1, 2, "$.faultCode"),
]


@pytest.mark.parametrize(("make", "old", "new", "path"), KNOWN, ids=[f"{one[3]}-{one[1]}" for one in KNOWN])
def test_well_known_members_are_compared(make, old, new, path):
    assert diff(make(old), make(old)) is None
    shown = [getattr(value, "name", value) if path == "$.code" else value for value in (old, new)]
    assert changes(make(old), make(new)) == [(path, *shown)]
    assert diff(make(old), make(new), ignore=[IgnorePath(path)]) is None


@pytest.mark.parametrize(
    "value", [None, "text", True, 4.0, [404], object()], ids=["none", "text", "bool", "float", "list", "object"]
)
def test_what_is_no_number_under_a_well_known_name_is_none(value):
    for name in ("status_code", "status", "code", "returncode"):
        assert diff(ApiError(**{name: value}), ApiError(**{name: 404})) is not None  # one has it
        assert diff(ApiError(**{name: value}), ApiError(**{name: "other"})) is None
    assert diff(ApiError(sqlstate=value), ApiError(sqlstate="x" * 65)) is None or value == "text"


def test_of_one_type_a_status_that_only_one_has_is_a_difference_and_of_two_it_says_nothing():
    assert changes(ApiError(status=404), ApiError()) == [("$.status", 404, None)]
    assert changes(ApiError(), ApiError(status=404)) == [("$.status", None, 404)]
    same = [SameError(ApiError, OtherError)]
    assert diff(ApiError(status=404), OtherError(), ignore=same) is None
    assert diff(ApiError(), OtherError(status=404), ignore=same) is None


def test_a_status_is_a_status_wherever_a_library_keeps_it():
    same = [SameError(ApiError, OtherError)]
    old = ApiError(response=response(404))
    assert diff(old, OtherError(status=404), ignore=same) is None
    assert changes(old, OtherError(status=500), ignore=same) == [("$.response.status_code", 404, 500)]
    assert changes(old, OtherError(code=500), ignore=same) == [("$.response.status_code", 404, 500)]


def test_members_of_the_class_are_no_members_unless_they_are_plain_values():
    class Method(Exception):
        def status(self):
            raise AssertionError

        code = http.HTTPStatus.OK

    class Subclass(Method):
        pass

    comparison = ShadowConfig().comparison
    assert [member[1:] for member in comparison.raised(Subclass()).fields] == [(("code",), 200)]
    assert comparison.raised(ApiError(response=Slotted)).fields == ()  # a class, whose slot is no status
    assert comparison.raised(ApiError(response=("a", "b"))).fields == ()
    unset = Slotted.__new__(Slotted)
    assert comparison.raised(ApiError(response=unset)).fields == ()


def test_a_property_that_may_be_deprecated_is_not_run():
    raised = ShadowConfig().comparison.raised(ByProperty(404))
    assert [(member.keys, member.value) for member in raised.fields] == [(("status_code",), 404)]
    assert raised.notes == ()


def test_no_library_is_asked_for_what_it_makes_up():
    class Magic(Exception):
        def __getattr__(self, name):
            raise AssertionError(name)

    assert ShadowConfig().comparison.raised(Magic()).fields == ()
    assert ShadowConfig().comparison.raised(ApiError(response=Magic())).fields == ()


# ── what a configuration names ────────────────────────────────────────────────────────────────────────────────────────


def test_named_members_are_compared_of_subclasses_too():
    fields = {ApiError: ["reason", "$.detail.items[1]"]}
    assert diff(NotFoundError(reason="a"), NotFoundError(reason="b")) is None
    assert changes(NotFoundError(reason="a"), NotFoundError(reason="b"), error_fields=fields) == [
        ("$.reason", "a", "b")
    ]
    ours, theirs = (NotFoundError(detail=types.SimpleNamespace(items=["x", last])) for last in "yz")
    assert changes(ours, theirs, error_fields=fields) == [("$.detail.items[1]", "y", "z")]
    assert diff(OtherError(reason="a"), OtherError(reason="b"), error_fields=fields) is None
    assert changes(ValueError(1), ValueError(2), error_fields={Exception: ["args[0]"]}) == [("$.args[0]", 1, 2)]
    assert diff(ValueError(1), ValueError(2), error_fields={Exception: ["args[9]", "nothing", "args[0].x"]}) is None


def test_mappings_and_sequences_are_read_by_key_and_index():
    fields = {ApiError: ["data.a[0]", "headers.x", "data.b"]}
    ours = ApiError(data={"a": [1]}, headers=types.MappingProxyType({"x": 1}))
    theirs = ApiError(data={"a": [2]}, headers=types.MappingProxyType({"x": 2}))
    assert changes(ours, theirs, error_fields=fields) == [("$.data.a[0]", 1, 2), ("$.headers.x", 1, 2)]


def test_no_paths_take_the_well_known_of_a_type_away():
    assert diff(OSError(errno.EIO, ""), OSError(errno.ENOSPC, ""), error_fields={OSError: ()}) is None
    assert diff(ApiError(status=1), ApiError(status=2), error_fields={ApiError: ()}) is None
    assert changes(ApiError(status=1), ApiError(status=2), error_fields={OSError: ()}) == [("$.status", 1, 2)]
    both = {ApiError: (), NotFoundError: ["x"]}
    assert diff(NotFoundError(status=1, x=1), NotFoundError(status=2, x=1), error_fields=both) is None
    assert changes(NotFoundError(status=1, x=1), NotFoundError(status=2, x=2), error_fields=both) == [("$.x", 1, 2)]


def test_a_path_that_is_part_of_another_is_compared_once():
    fields = {ApiError: ["response", "response.status_code", "status", "status.x"]}
    ours, theirs = (ApiError(response={"status_code": code}, status=code) for code in (404, 500))
    assert changes(ours, theirs, error_fields=fields) == [
        ("$.status", 404, 500),
        ("$.response.status_code", 404, 500),
    ]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (5, "error_fields takes several paths by class"),
        ("code", "error_fields takes several paths by class"),
        ([ApiError], "error_fields takes paths by class, not <class"),
        ({int: ["a"]}, "error_fields: <class 'int'> is no exception class"),
        ({"ApiError": ["a"]}, "error_fields: 'ApiError' is no exception class"),
        ({ApiError: "code"}, r"error_fields takes several paths for ApiError.*, not 'code'"),
        ({ApiError: [5]}, "error_fields: a path must be a str such as 'code', not 5"),
    ],
)
def test_error_fields_are_checked(fields, error):
    with pytest.raises(TypeError, match=error):
        ShadowConfig(error_fields=fields)


@pytest.mark.parametrize("path", ["$", "*", "a[*]", "$..a", "a['b','c']", "a b", ""])
def test_a_path_leads_to_one_member(path):
    with pytest.raises(ValueError, match="path must"):
        ShadowConfig(error_fields={ApiError: [path]})


def test_error_fields_are_data_hashable_and_part_of_the_fingerprint():
    config = ShadowConfig(error_fields={ApiError: ["code", "$.x"], OSError: ()})
    assert config.error_fields == ((OSError, ()), (ApiError, ("$.code", "$.x")))
    assert config == ShadowConfig(error_fields=reversed(config.error_fields))
    assert hash(config) == hash(ShadowConfig(error_fields=config.error_fields))
    prints = {
        ShadowConfig(error_fields=fields).fingerprint
        for fields in ({}, {ApiError: ()}, {ApiError: ["a"]}, {OtherError: ["a"]}, {ApiError: ["b"]})
    }
    assert len(prints) == 5
    assert ShadowConfig(error_view=str).fingerprint != ShadowConfig().fingerprint


# ── rules ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_path_rules_apply_to_exceptions():
    ours, theirs = ApiError(status=400, x=["a", "b"]), ApiError(status=401, x=["b", "A"])
    fields = {ApiError: ["x"]}
    assert [one[0] for one in changes(ours, theirs, error_fields=fields)] == ["$.status", "$.x[0]", "$.x[1]"]
    rules = [Tolerance("$.status", abs=1), Unordered("$.x"), Normalize("$.x[*]", str.casefold)]
    assert diff(ours, theirs, error_fields=fields, ignore=rules) is None
    assert (
        diff(ApiError(status=1), ApiError(status=2), ignore=[Accept(lambda a, b: (a, b) == (1, 2), "$.status")]) is None
    )
    assert diff(ApiError(status=1), ApiError(status=2), ignore=[IgnorePath("$")]) is None
    broken = diff(ApiError(status=1), ApiError(status=2), ignore=[Normalize("$.status", len)])
    assert broken is not None
    assert broken.notes == ("Normalize raised TypeError at $.status: object of type 'int' has no len()",)


def test_rules_that_meet_an_exception_have_met_something():
    comparison = ShadowConfig(ignore=[IgnorePath("$.status"), IgnorePath("$.exceptions[*].errno")]).comparison
    assert comparison.use is not None
    read = comparison.raised
    comparison.divergence_of_errors(read(ApiError(status=1)), read(ApiError(status=2)))
    assert comparison.use.counts() == {
        "IgnorePath $.status": (1, True, False),
        "IgnorePath $.exceptions[*].errno": (1, False, False),
    }
    comparison.divergence_of_errors(read(group(OSError(errno.EIO, ""))), read(group(OSError(errno.ENOSPC, ""))))
    assert comparison.use.counts()["IgnorePath $.exceptions[*].errno"] == (2, True, False)


def test_strict_tells_types_apart_in_exceptions():
    fields = {ApiError: ["x"]}
    pairs = [(1, 1.0), ([1], (1,)), (http.HTTPStatus.OK, 200)]
    for ours, theirs in pairs[:2]:
        assert diff(ApiError(x=ours), ApiError(x=theirs), error_fields=fields) is None
        assert diff(ApiError(x=ours), ApiError(x=theirs), error_fields=fields, strict=True) is not None
    assert diff(ApiError(x=1), ApiError(x=True), error_fields=fields) is not None
    assert diff(ApiError(x=float("nan")), ApiError(x=float("nan")), error_fields=fields) is None


def test_no_more_changes_are_kept_than_asked():
    fields = {ApiError: ["x"]}
    found = diff(ApiError(x=[1] * 9), ApiError(x=[2] * 9), error_fields=fields, max_changes=3)
    assert found is not None
    assert len(found.changes) == 3
    many = diff(group(*[ValueError()] * 9), group(*[KeyError()] * 9), max_changes=3)
    assert many is not None
    assert (len(many.changes), many.change_count) == (3, 18)


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_exceptions_of_a_group_have_no_order_at_any_level():
    ours = group(ValueError(), group(KeyError(), OSError(errno.EIO, "")))
    theirs = group(group(OSError(errno.EIO, ""), KeyError()), ValueError())
    assert diff(ours, theirs) is None
    assert diff(ours, group(group(OSError(errno.EIO, "")), KeyError(), ValueError())) is not None
    assert diff(group(KeyError(), KeyError()), group(KeyError())) is not None


def test_what_differs_in_a_group_is_named():
    ours, theirs = group(ValueError("a"), KeyError("b")), group(ValueError("a"))
    assert changes(ours, theirs) == [("$.exceptions[1]", "KeyError: 'b'", None)]
    assert changes(theirs, ours) == [("$.exceptions[1]", None, "KeyError: 'b'")]
    assert changes(group(KeyError()), group(IndexError())) == [
        ("$.exceptions[0]", "KeyError", None),
        ("$.exceptions[0]", None, "IndexError"),
    ]
    ours = group(KeyError(), group(OSError(errno.EIO, "a"), ValueError()))
    theirs = group(group(ValueError(), OSError(errno.ENOSPC, "a")), KeyError())
    assert changes(ours, theirs) == [("$.exceptions[1].exceptions[0].errno", errno.EIO, errno.ENOSPC)]
    (change,) = changes(group(ValueError("a")), group(ValueError("b"), ValueError("x")))
    assert change == ("$.exceptions[1]", None, "ValueError: x")
    (removed, _) = changes(group(ValueError("x" * 400)), group(KeyError()))
    assert removed[1] == "ValueError: " + "x" * 244 + "…"


def test_rules_reach_the_exceptions_of_groups_without_an_index():
    ours, theirs = group(OSError(errno.EIO, ""), KeyError()), group(KeyError(), OSError(errno.ENOSPC, ""))
    for path in ("$..errno", "$.exceptions[*].errno", "$.exceptions", "$.exceptions[*]"):
        assert diff(ours, theirs, ignore=[IgnorePath(path)]) is None
    for path in ("$.exceptions[0].errno", "$.exceptions[1]", "$.errno", "$.exceptions[*].exceptions"):
        assert changes(ours, theirs, ignore=[IgnorePath(path)]) == [("$.exceptions[0].errno", errno.EIO, errno.ENOSPC)]
    nested = [IgnorePath("$.exceptions[*].exceptions")]
    assert diff(group(group(KeyError()), ValueError()), group(ValueError(), group(OSError())), ignore=nested) is None


class A(Exception):
    pass


class B(Exception):
    pass


class C(Exception):
    pass


def test_who_belongs_to_whom_is_a_matching_as_sameness_is_not_transitive():
    same = [SameError(A, B), SameError(C, A)]
    # Whoever pairs A with A leaves C and B alone.
    assert diff(group(A(), C()), group(A(), B()), ignore=same) is None
    assert diff(group(A(), C()), group(B(), A()), ignore=same) is None
    assert changes(group(A(), C()), group(B(), B()), ignore=same) == [
        ("$.exceptions[1]", "C", None),
        ("$.exceptions[1]", None, "B"),
    ]
    close = [Tolerance("$..status", abs=1)]
    assert diff(group(*map(api, (1, 2))), group(*map(api, (2, 3))), ignore=close) is None
    assert diff(group(group(A(), C())), group(group(A(), B())), ignore=same) is None
    assert diff(group(group(A(), C()), A()), group(group(A(), A()), A()), ignore=same) is None
    assert diff(group(group(C(), C()), A()), group(group(A(), B()), A()), ignore=same) is not None


def api(status):
    return ApiError(status=status)


def same_by_trying_all(ours, theirs, same):
    if not ours:
        return not theirs
    return any(
        same(ours[0], other) and same_by_trying_all(ours[1:], theirs[:j] + theirs[j + 1 :], same)
        for j, other in enumerate(theirs)
    )


@pytest.mark.parametrize("seed", range(200))
def test_groups_are_the_same_exactly_if_there_is_a_matching(seed):
    rng = random.Random(seed)
    kinds = (A, B, C)
    rules = [SameError(*rng.sample(kinds, 2)) for _ in range(rng.randint(0, 3))]
    config = ShadowConfig(ignore=[*rules, Tolerance("$..x", abs=1)], error_fields={Exception: ["x"]})
    sides = [[with_(rng.choice(kinds)(), x=rng.randint(0, 4)) for _ in range(4)] for _ in "ab"]
    read = config.comparison.raised

    def same(one, other):
        return config.comparison.divergence_of_errors(read(one), read(other)) is None

    found = config.comparison.divergence_of_errors(*(read(group(*side)) for side in sides))
    assert (found is None) == same_by_trying_all(*sides, same)


@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_groups_in_random_order_under_rules_that_go_both_ways(seed):
    rng = random.Random(seed)
    members = [group(*[kind() for kind in rng.choices((A, B, C), k=5)], api(number)) for number in range(100)]

    def mixed(kinds):
        copies = [
            group(
                *rng.sample(
                    [
                        kinds.get(type(one), type(one))() if type(one) is not ApiError else one
                        for one in member.exceptions
                    ],
                    k=6,
                )
            )
            for member in members
        ]
        return group(*rng.sample(copies, k=100))

    same = [SameError(A, B), SameError(B, A)]
    began = time.perf_counter()
    assert diff(mixed({}), mixed({})) is None
    assert diff(mixed({}), mixed({A: B, B: A}), ignore=same) is None
    assert diff(mixed({A: B, B: A}), mixed({}), ignore=same) is None
    assert diff(mixed({}), mixed({C: A}), ignore=same) is not None
    assert time.perf_counter() - began < TOO_LONG


def test_a_thousand_that_all_differ_are_compared_in_bounded_time():
    sides = [group(*[api(number) for number in range(start, start + 999)]) for start in (0, 5_000)]
    began = time.perf_counter()
    found = diff(*sides, ignore=[SameError(A, B)])
    assert found is not None
    assert found.change_count == 999
    found = diff(*sides, ignore=[Tolerance("$..status", abs=1)])
    assert found is not None
    assert found.change_count == 999
    assert found.notes == ("the exceptions of a group are too many to find all that are the same",)
    with pytest.raises(Undecided, match="too many exceptions that differ: 10,000 pairs of them were compared"):
        diff(
            group(*[api(2 * number) for number in range(500)]),
            group(*[api(2 * number + 1) for number in reversed(range(500))]),
            ignore=[Tolerance("$..status", abs=1)],
        )
    assert time.perf_counter() - began < TOO_LONG


def test_many_exceptions_are_told_apart_by_content_where_no_rule_reaches_them():
    fields = {ApiError: ["x"]}
    decimals = group(*[ApiError(x=Decimal(number)) for number in range(150)])
    ints = [ApiError(x=number) for number in reversed(range(150))]
    assert diff(decimals, group(*ints), error_fields=fields) is None
    assert diff(decimals, group(*ints[1:], ApiError(x=150)), error_fields=fields) is not None
    sides = [group(*[OSError(number, "") for number in range(start, start + 150)]) for start in (1_000, 5_000)]
    for rule in (IgnorePath("$..other"), Tolerance("$..errno", abs=1), Tolerance("$..other", abs=1), SameError(A, B)):
        found = diff(*sides, ignore=[rule])
        assert found is not None
        assert found.change_count == 150
    nested = [group(*[group(one) for one in side.exceptions]) for side in sides]
    assert changes(*nested, ignore=[IgnorePath("$..other")], max_changes=1) == [
        ("$.exceptions[0].exceptions[0].errno", 1_000, 5_000)
    ]


def test_rules_about_classes_apply_to_the_members_of_exceptions():
    fields = {ApiError: ["x"]}
    decimals = CompareWith(Decimal, lambda one, other: round(one) == round(other))
    for ours, theirs, rule in (
        (Ok(1), Err(1), SameType(Ok, Err)),
        (Decimal("1.1"), Decimal("1.2"), decimals),
    ):
        for wrapped in (lambda value: ApiError(x=value), lambda value: group(ApiError(x=[value]), KeyError())):
            assert diff(wrapped(ours), wrapped(theirs), error_fields=fields) is not None
            assert diff(wrapped(ours), wrapped(theirs), error_fields=fields, ignore=[rule]) is None


def many(size, kind=ValueError):
    return group(*[kind() for _ in range(size)])


def deep(levels, kind):
    exc = kind()
    for _ in range(levels):
        exc = group(exc)
    return exc


def verdict(primary, shadow, *rules, **settings):
    """As a word, and the same the other way round."""
    words = set()
    for sides in ((primary, shadow), (shadow, primary)):
        try:
            words.add("same" if diff(*sides, ignore=rules, **settings) is None else "different")
        except Undecided:
            words.add("undecided")
    assert len(words) == 1
    return words.pop()


def test_of_too_many_or_too_deep_only_type_and_size_are_compared_and_none_is_found_the_same():
    with pytest.raises(
        Undecided, match=r"\$\.exceptions can't be compared: of groups of very many exceptions, or very"
    ):
        diff(many(1_001), many(1_001, KeyError))
    assert diff(many(1_000), many(1_000, KeyError)) is not None
    found = diff(many(1_001), many(1_002))
    assert found is not None
    assert changes(many(1_001), many(1_002)) == [("$.exceptions", "1,001 exceptions", "1,002 exceptions")]
    assert found.notes == ("of groups of very many exceptions, or very deep ones, only type and size are compared",)
    twice: Exception = ValueError()
    for _ in range(60):
        twice = group(twice, twice)
    assert verdict(twice, twice) == "undecided"
    assert verdict(many(1_001), many(1_001, KeyError), IgnorePath("$.exceptions")) == "same"
    assert diff(deep(64, KeyError), deep(64, KeyError)) is None
    assert diff(deep(64, KeyError), deep(64, ValueError)) is not None
    assert diff(deep(64, KeyError), deep(64, ValueError), ignore=[SameError(A, B)]) is not None
    assert verdict(deep(65, KeyError), deep(65, ValueError)) == "undecided"


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([deep(70, KeyError), KeyError()], [deep(70, KeyError), ValueError()], "different"),
        ([KeyError(), deep(70, KeyError)], [ValueError(), deep(70, KeyError)], "different"),
        ([KeyError(), deep(70, KeyError)], [deep(70, ValueError), KeyError()], "undecided"),
        ([many(1_001), api(1)], [many(1_001), api(2)], "different"),
        ([many(1_001), api(1)], [api(1), many(1_002)], "different"),
        ([many(600), many(600)], [many(600), many(600)], "undecided"),
        ([many(600), many(601)], [many(601), many(601)], "different"),
        ([group(many(1_001), api(1))] * 2, [group(many(1_001), api(2))] * 2, "different"),
        ([group(many(1_001), api(1))], [group(api(1))], "different"),
        ([ApiError(x=object()), api(1)], [api(1), ApiError(x=object())], "undecided"),
        ([ApiError(x=object()), ApiError(x=1)], [ApiError(x=2), ApiError(x=object())], "different"),
        ([ApiError(x=[]), *[ApiError(x=object())] * 2], [ApiError(x={}), *[ApiError(x=object())] * 2], "different"),
    ],
)
def test_what_differs_elsewhere_in_a_group_decides_whatever_is_not_looked_at(ours, theirs, expected):
    fields = {ApiError: ["x", "status"]}
    assert verdict(group(*ours), group(*theirs), error_fields=fields) == expected
    assert verdict(group(group(*ours)), group(group(*theirs)), error_fields=fields) == expected


def test_the_members_and_the_message_of_a_group_decide_whatever_it_holds():
    class Failed(ExceptionGroup):
        status = 500

        def derive(self, excs):  # pragma: no cover - nobody splits it
            return Failed(self.message, excs)

    one, other = (Failed("", [KeyError()] * 1_001) for _ in range(2))
    other.status = 404
    assert changes(one, other) == [("$.status", 500, 404)]
    assert verdict(group(one), group(other)) == "different"
    one, other = ExceptionGroup("a", [KeyError()] * 1_001), ExceptionGroup("b", [KeyError()] * 1_001)
    assert verdict(one, other, strict_errors=True) == "different"
    assert verdict(one, other) == "undecided"


def test_messages_are_compared_to_their_end():
    def raised(message, wrap=lambda exc: exc):
        return wrap(ValueError(message))

    def caused(exc):
        outer = KeyError()
        outer.__cause__ = exc
        return outer

    for wrap in (lambda exc: exc, group, caused):
        one, other = raised("x" * 600, wrap), raised("x" * 599 + "y", wrap)
        assert verdict(one, other) == "same"
        assert verdict(one, raised("x" * 600, wrap), strict_errors=True) == "same"
        assert verdict(one, other, strict_errors=True) == "different"
    found = diff(raised("x" * 600), raised("x" * 599 + "y"), strict_errors=True)
    assert found is not None
    assert (len(found.primary_message), found.primary_message[460:475]) == (500, "xxxx… (600 char")
    assert "not the same type" not in Divergence(error=found).explain()
    answers = [[ValueError("x" * 600)], [ValueError("x" * 599 + "y")]]
    assert Divergence.compare(*answers, ShadowConfig(strict_errors=True)) is not None


def test_a_rule_is_not_said_to_meet_nothing_in_what_is_not_looked_at():
    for rule, primary, shadow in (
        (IgnorePath("$.exceptions[*].status"), many(1_001), many(1_002)),
        (IgnorePath("$.x[*].id"), ApiError(x=[{}] * 300), ApiError(x=[{"a": 1}])),
        (IgnorePath("$.x[*].id"), ApiError(x=[{"a": "x" * 5_000}]), ApiError(x=[{"a": 1}])),
    ):
        config = ShadowConfig(ignore=[rule], error_fields={ApiError: ["x"]}).comparison
        assert config.divergence_of_errors(config.raised(primary), config.raised(shadow)) is not None
        assert config.use is not None
        (count,) = config.use.counts().values()
        assert count == (1, False, type(primary) is not ApiError or len(primary.x) == 300)


def test_a_group_has_members_of_its_own_too():
    class Failed(ExceptionGroup):
        status = 500

        def derive(self, excs):  # pragma: no cover - nobody splits it
            return Failed(self.message, excs)

    one, other = Failed("", [KeyError()]), Failed("", [KeyError()])
    other.status = 404
    assert diff(one, one) is None
    assert changes(one, other) == [("$.status", 500, 404)]


# ── hostile exceptions ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_reading_a_member_raises_is_a_note_and_the_member_is_absent():
    class Broken(Exception):
        @property
        def status(self):
            raise SystemExit

        @property
        def reason(self):
            raise OSError

        def __getattr__(self, name):
            return getattr(self, name)  # without end

    fields = {Broken: ["reason", "loop"]}
    read = ShadowConfig(error_fields=fields).comparison.raised
    raised = read(Broken())
    assert raised.fields == ()
    assert raised.notes == (
        "reading $.status raised SystemExit",
        "reading $.reason raised OSError",
        "reading $.loop raised RecursionError",
    )
    assert diff(Broken(), Broken(), error_fields=fields) is None
    found = diff(Broken(), KeyError(), error_fields=fields)
    assert found is not None
    assert found.notes == raised.notes


@pytest.mark.parametrize("kind", [KeyboardInterrupt, GeneratorExit])
def test_a_keyboard_interrupt_in_a_member_passes(kind):
    class Interrupting(Exception):
        @property
        def status(self):
            raise kind

    with pytest.raises(kind):
        ShadowConfig().comparison.raised(Interrupting())


def test_only_what_is_compared_is_read_and_once():
    asked = []

    class Asked(Exception):
        @property
        def one(self):
            asked.append("one")
            return 1

        @property
        def two(self):
            asked.append("two")

    diff(Asked(), Asked(), error_fields={Asked: ["one"]})
    assert asked == ["one", "one"]


def test_classes_that_lie_are_read_by_what_they_are():
    class Liar(type):
        def __hash__(cls):
            raise SystemExit

        def __eq__(cls, other):
            raise SystemExit

        @property
        def __mro__(cls):  # pragma: no cover - it is not asked
            raise SystemExit

        def __instancecheck__(cls, instance):
            raise SystemExit

        def __subclasscheck__(cls, subclass):
            raise SystemExit

    class Lying(OSError, metaclass=Liar):
        @property
        def __class__(self):
            raise SystemExit

        @property
        def __dict__(self):
            return {"status": 5}

    old, new = Lying(errno.EIO, ""), Lying(errno.ENOSPC, "")
    assert changes(old, new) == [("$.errno", errno.EIO, errno.ENOSPC)]
    assert diff(old, new, error_fields={ValueError: ["x"]}) is not None
    assert changes(group(old), group(new)) == [("$.exceptions[0].errno", errno.EIO, errno.ENOSPC)]


@pytest.mark.parametrize("broken", [ValueError, KeyboardInterrupt])
def test_attributes_with_names_that_are_no_strs_are_no_members(broken):
    class Odd:
        def __hash__(self):
            return hash("status")

        def __eq__(self, other):
            raise broken

    exc = ApiError()
    vars(exc)[Odd()] = 1
    if broken is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            ShadowConfig().comparison.raised(exc)
    else:
        assert ShadowConfig().comparison.raised(exc).fields == ()


def test_arguments_are_compared_as_they_are_when_it_is_caught():
    exc = ValueError("a")
    exc.args = (1, 2)
    assert changes(exc, ValueError(1, 3), error_fields={ValueError: ["args"]}) == [("$.args[1]", 2, 3)]


def test_classes_are_forgotten_when_there_are_very_many():
    comparison = ShadowConfig().comparison
    for number in range(1_100):
        kind = type(f"E{number}", (Exception,), {"status": number})
        assert comparison.raised(kind()).fields[0].value == number
    assert len(comparison.errors.reader._plans) <= 1_024


# ── copies ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Thing:
    pass


def copy_of(value):
    (field,) = ShadowConfig(error_fields={ApiError: ["x"]}).comparison.raised(ApiError(x=value)).fields
    return field.value


def test_plain_values_are_copied():
    mutable = {"a": [1, (2, 3)], 4: {5, 6}, "b": frozenset("x")}
    copy = copy_of(mutable)
    assert copy == mutable
    mutable["a"].append(9)
    assert copy["a"] == [1, (2, 3)]
    for value, kept in (
        (http.HTTPStatus.OK, http.HTTPStatus.OK),
        (type("Text", (str,), {})("a"), "a"),
        (bytearray(b"a"), b"a"),
        (None, None),
        (types.MappingProxyType({"a": [1]}), {"a": [1]}),
        (collections.deque([1, 2]), [1, 2]),
        (type("Few", (set,), {})([1]), frozenset([1])),
        (Thing, Thing),
        ({Thing: 1}, {Thing: 1}),
        ({(1, 2): 1}, {(1, 2): 1}),
        (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("127.0.0.1")),
    ):
        assert copy_of(value) == kept
        assert type(copy_of(value)) is type(kept)


@attrs.frozen
class Ok:
    value: object


@attrs.define
class Err:
    value: object


@dataclasses.dataclass(slots=True, frozen=True)
class Detail:
    value: object


class Pair(NamedTuple):
    value: object


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    value: Any


@pydantic.dataclasses.dataclass
class Checked:
    value: Any


class Wrapped(pydantic.RootModel[Any]):
    pass


class Struct(msgspec.Struct, frozen=True, tag="struct"):
    value: Any

    def __post_init__(self):
        asked.append(self.value)


asked: list[object] = []
RECORDS = [Ok, Err, Detail, Pair, Model, Checked, Struct]


@pytest.mark.parametrize("kind", RECORDS)
def test_records_are_made_again_of_copies(kind):
    fields = {ApiError: ["x"]}
    inner = [1, 2]
    record = kind(value=inner)
    asked.clear()
    copy = copy_of(record)
    assert type(copy) is kind
    assert copy == record
    inner.append(3)
    assert copy.value == [1, 2]
    assert asked == []
    assert diff(ApiError(x=kind(value=1)), ApiError(x=kind(value=1)), error_fields=fields) is None
    assert changes(ApiError(x=kind(value=1)), ApiError(x=kind(value=2)), error_fields=fields) == [("$.x.value", 1, 2)]
    assert changes(ApiError(x=[kind(value=1)]), ApiError(x=[kind(value=2)]), error_fields=fields) == [
        ("$.x[0].value", 1, 2)
    ]
    long = diff(ApiError(x=kind(value=[0] * 300)), ApiError(x=1), error_fields=fields)
    assert long is not None
    assert long.notes == ("of $.x only a part is compared",)


def test_what_a_model_has_besides_its_fields_is_copied():
    copy = copy_of(Model(value=1, other=[2]))
    assert copy == Model(value=1, other=[2])
    assert copy.other == [2]


def test_arrays_enums_and_objects_with_an_equality_of_their_own_are_compared():
    fields = {ApiError: ["x"]}
    color, fruit = enum.Enum("Color", "RED BLUE"), enum.Enum("Fruit", "APPLE")
    for ours, theirs in (
        (numpy.array([1, 2]), numpy.array([1, 3])),
        (color.RED, color.BLUE),
        (color.RED, fruit.APPLE),
        (Wrapped({"a": 1}), Wrapped({"a": 2})),
        (Wrapped([1]), [2]),
        (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("127.0.0.2")),
        (len, print),
        (Ok, Err),
    ):
        assert diff(ApiError(x=ours), ApiError(x=theirs), error_fields=fields) is not None
        assert diff(ApiError(x=ours), ApiError(x=ours), error_fields=fields) is None


class Knowing:
    """Knows when it is equal, and is no set's element twice."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value

    def __hash__(self):
        return 1


@attrs.frozen
class Holding(dict):  # type: ignore[type-arg]
    """A record that can't be made past its own code."""


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Thing(), "Thing"),
        ([Thing()], "Thing"),
        (Ok(Thing()), "Thing"),
        (lambda: None, "function"),
        (numpy.zeros(100_000), "ndarray"),
        (Knowing(Thing()), "Knowing"),
        (Holding(), "Holding"),
    ],
)
def test_of_what_cannot_be_kept_nobody_says_that_it_is_the_same(value, name):
    fields = {ApiError: ["x"]}
    with pytest.raises(Undecided, match=f"of {name} objects in an exception only the type is kept: give an error_view"):
        diff(ApiError(x=value), ApiError(x=value), error_fields=fields)
    with pytest.raises(Undecided, match=name):
        diff(group(ApiError(x=value)), group(ApiError(x=value)), error_fields=fields)
    found = diff(ApiError(x=value, status=1), ApiError(x=value, status=2), error_fields=fields)
    assert found is not None
    assert [one.path for one in found.changes] == ["$['status']"]
    assert f"in $.x only the types are kept of {name} objects" in found.notes
    assert diff(ApiError(x=value), ApiError(x=1), error_fields=fields) is not None
    assert diff(ApiError(x=value), ApiError(x=type("Other", (), {})()), error_fields=fields) is not None
    assert diff(ApiError(x=value), ApiError(x=value), error_fields=fields, ignore=[IgnorePath("$.x")]) is None


def test_two_that_differ_beyond_what_is_kept_still_differ():
    for ours, theirs in (
        ("x" * 5_000, "x" * 4_999 + "y"),
        (b"x" * 5_000, b"x" * 4_999 + b"y"),
        (1 << 5_000, (1 << 5_000) + 1),
        ("x" * 5_000, "x" * 5_001),
    ):
        assert copy_of(ours) != copy_of(theirs)
        assert copy_of(ours) == copy_of(ours)
        assert len(str(copy_of(ours))) < 4_300
    assert copy_of("x" * 4_096) == "x" * 4_096
    found = changes(ApiError(x="x" * 5_000), ApiError(x="x" * 4_999 + "y"), error_fields={ApiError: ["x"]})
    assert [text.partition("… (")[2][:17] for text in found[0][1:]] == ["5,000 characters,"] * 2
    found = changes(ApiError(x=b"x" * 5_000), ApiError(x=1 << 5_000), error_fields={ApiError: ["x"]})
    assert found[0][1].startswith("b'xxx")
    assert found[0][2].startswith("<int>… (5,001 bits, ")


CODES = collections.namedtuple("CODES", [f"f{number}" for number in range(300)])  # noqa: PYI024


def nested(levels, value):
    for _ in range(levels):
        value = [value]
    return value


def test_of_large_values_the_rest_is_the_same_if_it_is_written_alike_and_else_nobody_knows():
    fields = {ApiError: ["x"]}
    for ours, theirs in (
        ([*range(1_000)], [*range(999)]),
        (dict.fromkeys(range(300), 0), dict.fromkeys(range(299), 0)),
        ({*range(300)}, {*range(299)}),
        ([[0] * 150, [0] * 100], [[0] * 150, [0] * 101]),
        (nested(20, 1), nested(20, 2)),
        ([*range(200_000)], [*range(200_000)]),
        (CODES(*range(300)), CODES(*range(299), 0)),
    ):
        assert diff(ApiError(x=ours), ApiError(x=1), error_fields=fields) is not None
        with pytest.raises(Undecided, match=r"too large to be kept|only the type is kept"):
            diff(ApiError(x=ours), ApiError(x=theirs), error_fields=fields)
        if len(ours) < 100_000 and type(ours) is not CODES:
            assert diff(ApiError(x=ours), ApiError(x=ours), error_fields=fields) is None
    assert diff(ApiError(x=[*range(300)]), ApiError(x=[0]), error_fields=fields) is not None
    deep = []
    for _ in range(20):
        deep = [deep]
    for value in ([*range(1_000)], deep, dict.fromkeys(range(300), 0), [[0] * 30] * 30):
        found = diff(ApiError(x=value), ApiError(x=1), error_fields=fields)
        assert found is not None
        assert found.notes == ("of $.x only a part is compared",)
    whole = diff(ApiError(x=[*range(199)]), ApiError(x=1), error_fields=fields)
    assert whole is not None
    assert whole.notes == ()


@attrs.frozen
class Wide:
    """A record of which 28 and a bit are kept."""

    a: int = 1
    b: int = 2
    c: int = 3
    d: int = 4
    e: int = 5
    f: int = 6


def shuffled(values):
    values = list(values)
    random.Random(1).shuffle(values)
    return values


class Lazy(collections.abc.Mapping):
    """Members that are made when it is asked."""

    def __init__(self, members):
        self.members = members

    def __len__(self):  # pragma: no cover - nobody asks
        return len(self.members)

    def __iter__(self):
        return iter(self.members)

    def __getitem__(self, key):
        return self.members[key]


NUMBERS = [*range(300)]
NAMES = [str(number) for number in NUMBERS]
LONG, LONGER = "x" * 5_000, "x" * 5_001


@pytest.mark.parametrize(
    ("ours", "theirs", "rules", "expected"),
    [
        # what is beyond a bound
        (NUMBERS, [*range(299), -1], [], "undecided"),
        (NUMBERS, [-1, *range(1, 300)], [], "different"),
        (NUMBERS, shuffled(NUMBERS), [], "different"),
        (NUMBERS, [*range(100)], [], "different"),
        (NUMBERS, [*range(250), -1, *range(251, 300)], [Only("$.x[250]")], "undecided"),
        (NUMBERS, [*range(299), -1], [Only("$.x[0]")], "undecided"),
        ([*range(199)], [*range(250)], [IgnorePath("$.x[199]")], "undecided"),
        ([Wide()] * 40, [Wide()] * 39 + [Wide(f=0)], [], "undecided"),
        ([Wide()] * 40, [Wide()] * 40, [], "same"),
        ([Wide()] * 40, [Wide(f=0)] + [Wide()] * 39, [], "different"),
        (dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0) | {"299": 1}, [IgnoreName("…")], "undecided"),
        (dict.fromkeys(NAMES, 0), dict.fromkeys(shuffled(NAMES), 0), [], "undecided"),
        (dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0) | {"0": 1}, [], "different"),
        (dict.fromkeys(NAMES, 0), {"0": 0}, [], "different"),
        (dict.fromkeys(NAMES, 0), {"0": 0, "x": 1}, [], "different"),
        (dict.fromkeys(NAMES, 0), {**dict.fromkeys(NAMES, 0), "x": 1}, [Subset("$.x")], "undecided"),
        ({*NAMES}, {*shuffled(NAMES)}, [], "same"),
        ({*NAMES}, {*NAMES[1:]}, [], "undecided"),
        ({LONG: 1}, {LONG: 1}, [], "same"),
        ({LONG: 1}, {LONGER: 1}, [IgnoreName("xx*")], "undecided"),
        ({LONG: 1, "a": 1}, {LONG: 1, "a": 2}, [], "different"),
        (CODES(*range(300)), [*range(300)], [], "undecided"),
        (CODES(*range(300)), CODES(*range(300)), [], "same"),
        (Thing(), [], [], "different"),
        (ValueError(), KeyError(), [SameError(ValueError, KeyError), SameError(KeyError, ValueError)], "undecided"),
        (ValueError(), KeyError(), [], "different"),
        # texts, bytes and numbers
        (LONG, LONGER, [], "different"),
        (LONG, "x" * 4_096, [Tolerance("$.x", abs=1)], "different"),
        (LONG, "y" * 5_000, [], "different"),
        (LONG, None, [], "different"),
        (LONG, LONG.upper(), [SameText("$.x", ignore_case=True)], "undecided"),
        (LONG, LONG.upper(), [SameText("$.y", ignore_case=True)], "different"),
        (LONG, LONGER, [SameText("$.x", pattern="x{0,4200}")], "undecided"),
        (LONG.encode(), LONGER.encode(), [SameText("$.x", ignore_case=True)], "different"),
        (10**2000, 10**2000 + 1, [], "different"),
        (10**2000, 10**2000 + 1, [Tolerance("$.x", abs=1)], "undecided"),
        (10**2000, 5, [], "different"),
        (10**2000, 0.5, [], "different"),
        (10**2000, Decimal("1E+2000"), [], "undecided"),
        # functions would see a part
        (LONG, LONGER, [Normalize("$.x", lambda text: text[:9])], "undecided"),
        (LONG, LONGER, [CompareWith(str, lambda one, other: True)], "undecided"),
        ([0] * 300, [0] * 400, [Normalize("$.x", len)], "undecided"),
        ([0] * 300, [0] * 400, [Normalize("$", lambda tree: len(tree["x"]))], "undecided"),
        ([0] * 300, [0] * 400, [Accept(lambda one, other: len(one) == len(other), "$.x")], "undecided"),
        ({"a": [0] * 300}, {"a": [0] * 400}, [Accept(lambda one, other: True, "$.x")], "undecided"),
        ([LONG, 1], [LONG, 2], [Accept(lambda one, other: True, "$.x")], "undecided"),
        ([LONG, 1], [LONG, 2], [], "different"),
        ([LONG, Decimal(1)], [LONG, 1], [], "same"),
        ([LONG, 1], [1, LONG], [Unordered("$.x")], "same"),
        ([LONG, 1], [1, LONGER], [Unordered("$.x")], "different"),
        (NUMBERS, shuffled(NUMBERS), [Unordered("$.x")], "undecided"),
        ([[LONG], 1], [1, [LONGER]], [Unordered("$.x"), Normalize("$.x[*]", str)], "undecided"),
        (10**2000, "1e2000", [SameNumber("$.x")], "undecided"),
        (10**2000, "1e2000", [Tolerance("$.x", abs=1), SameText("$.x", ignore_case=True)], "different"),
        (10**2000, None, [SameNumber("$.x")], "different"),
        (Thing(), Thing(), [Tolerance("$.x", abs=1)], "undecided"),
        (LONG, None, [Default("$.x", LONG), Default("$.x", None)], "undecided"),
        (LONG, LONGER, [CompareWith(object, lambda one, other: True)], "undecided"),
        ([LONG, 1.5], [1.5, LONGER], [Unordered("$.x"), Tolerance("$.x[*]", abs=1)], "different"),
        ([0] * 300, None, [Default("$.x", None)], "different"),
        ([{"id": LONG}, {"id": 1}], [{"id": 1}, {"id": LONG}], [KeyedBy("$.x", "id")], "same"),
        ([{"id": 1, "v": [0] * 300}], [{"id": 1, "v": [0] * 301}], [KeyedBy("$.x", "id")], "undecided"),
        (
            [{"v": [0] * 199, "id": 1}, {"id": 2}],
            [{"v": [0] * 199, "id": 2}, {"id": 1}],
            [KeyedBy("$.x", "id"), IgnorePath("$.x[*].v")],
            "undecided",
        ),
    ],
)
def test_nothing_that_was_cut_passes_for_the_whole(ours, theirs, rules, expected):
    fields = {ApiError: ["x"]}
    assert verdict(ApiError(x=ours), ApiError(x=theirs), *rules, error_fields=fields) == expected
    if not rules:
        assert verdict(group(ApiError(x=ours)), group(ApiError(x=theirs)), error_fields=fields) == expected
        answers = [ApiError(x=ours), 1], [ApiError(x=theirs), 1]
        if expected == "undecided":
            with pytest.raises(Undecided):
                Divergence.compare(*answers, ShadowConfig(error_fields=fields))
        else:
            found = Divergence.compare(*answers, ShadowConfig(error_fields=fields))
            assert (found is None) == (expected == "same")


def test_what_may_be_missing_is_no_difference_unless_the_whole_is_seen():
    fields = {ApiError: ["x"]}
    for rule in (Accept(lambda one, other: True, "$.x"), Default("$.x", LONG[:-1] + "y"), Default("$.x", 10**2000)):
        for cut in (LONG, 10**2000 + 1) if isinstance(rule, Default) else (LONG,):
            expected = "different" if isinstance(rule, Default) and type(cut) is not type(rule.value) else "undecided"
            assert verdict(ApiError(x=cut), ApiError(), rule, error_fields=fields) == expected
    assert verdict(ApiError(x=LONG), ApiError(), Default("$.x", "y"), error_fields=fields) == "different"


def test_the_shadow_may_add_members_to_an_object_that_was_cut_and_drop_none():
    settings = {"error_fields": {ApiError: ["x"]}, "ignore": [Subset("$.x")]}
    whole, cut = ApiError(x={"x": 1}), ApiError(x=dict.fromkeys(NAMES, 0))
    with pytest.raises(Undecided):
        diff(whole, cut, **settings)
    assert diff(cut, whole, **settings) is not None


def test_strictly_a_list_that_was_cut_is_no_tuple():
    fields = {ApiError: ["x"]}
    for ours, theirs in ((NUMBERS, tuple(NUMBERS)), (CODES(*NUMBERS), NUMBERS)):
        assert verdict(ApiError(x=ours), ApiError(x=theirs), error_fields=fields) == "undecided"
        assert verdict(ApiError(x=ours), ApiError(x=theirs), error_fields=fields, strict=True) == "different"


def test_what_has_more_members_than_are_ever_read_is_not_taken_for_absent(monkeypatch):
    monkeypatch.setattr("trioshadow.compare._shapes.ELEMENT_LIMIT", 10)
    fields = {ApiError: ["x"]}
    for ours, theirs in ((Lazy(dict.fromkeys(NAMES, 1)), Lazy(dict.fromkeys(NAMES, 2))), (Lazy({"a": 1}),) * 2):
        expected = "same" if len(ours.members) == 1 else "undecided"
        assert verdict(ApiError(x=ours), ApiError(x=theirs), error_fields=fields) == expected


def test_a_part_of_a_member_that_was_cut_is_no_whole():
    ours, theirs = (ApiError(detail={"x": [0] * size, "y": 1}) for size in (300, 400))
    settings = {"error_fields": {ApiError: ["detail.x", "detail.y"]}}
    assert verdict(ours, theirs, **settings) == "undecided"
    assert verdict(ours, theirs, Accept(lambda one, other: one == other, "$.detail"), **settings) == "undecided"
    assert verdict(ours, theirs, IgnorePath("$.detail.x"), **settings) == "same"


def test_nothing_of_an_exception_is_kept_alive():
    fields = {ApiError: ["thing", "things"]}
    comparison = ShadowConfig(error_fields=fields).comparison
    thing = Thing()
    gone = weakref.ref(thing)
    try:
        raise ApiError(thing=thing, things=[thing])
    except ApiError as exc:
        caught = weakref.ref(exc)
        kept = comparison.raised(group(exc))
    del thing
    gc.disable()
    try:
        assert caught() is None
        assert gone() is None
    finally:
        gc.enable()
    assert repr(kept.members[0].fields[0].value) == "<Thing>"


def test_members_that_are_not_plain_numbers_are_compared_by_value():
    fields = {ApiError: ["x"]}
    assert diff(ApiError(x=Decimal(1)), ApiError(x=1), error_fields=fields) is None
    assert diff(group(ApiError(x=Decimal(1))), group(ApiError(x=1)), error_fields=fields) is None
    assert diff(group(ApiError(x=Decimal(1))), group(ApiError(x=2)), error_fields=fields) is not None


def test_a_change_is_data():
    found = diff(api(404), api(500))
    assert found is not None
    assert attrs.astuple(found, recurse=False)[4:] == ((Change("$['status']", "changed", 404, 500),), 1, ())


def test_sets_are_compared_as_sets():
    fields = {ApiError: ["x"]}
    assert diff(ApiError(x={1, 2}), ApiError(x={2, 1.0}), error_fields=fields) is None
    assert diff(group(ApiError(x={1, 2})), group(ApiError(x={2, 3})), error_fields=fields) is not None


def test_of_two_types_what_has_another_role_says_nothing():
    same = [SameError(ApiError, OtherError)]
    assert diff(ApiError(status=404, returncode=1), OtherError(returncode=1), ignore=same) is None
    assert changes(ApiError(status=404, returncode=1), OtherError(exit_code=2), ignore=same) == [("$.returncode", 1, 2)]


def test_strict_errors_matches_members_by_their_messages():
    same = [SameError(A, B), SameError(A, A)]
    ours, theirs = group(A("1"), A("2"), A("3")), group(B("3"), A("2"), B("1"))
    assert diff(ours, theirs, strict_errors=True, ignore=same) is None
    theirs = group(B("3"), A("1"), B("4"))
    assert changes(ours, theirs, strict_errors=True, ignore=same) == [("$.exceptions[1]", "A: 2", "B: 4")]


def test_a_note_is_made_once_and_there_are_not_many():
    ours, theirs = group(*map(api, (1, 2))), group(*map(api, (3, 4)))
    found = diff(ours, theirs, ignore=[Normalize("$.exceptions[*].status", len)])
    assert found is not None
    assert found.notes == ("Normalize raised TypeError at $.status: object of type 'int' has no len()",)


# ── exceptions in answers ─────────────────────────────────────────────────────────────────────────────────────────────


class SelfAware(Exception):
    def __eq__(self, other):
        return type(other) is SelfAware

    __hash__ = Exception.__hash__


def answers(ours, theirs, **settings):
    """The paths at which two answers differ, and the notes."""
    found = Divergence.compare(ours, theirs, ShadowConfig(**settings))
    return None if found is None else ([plain_path(one.path) for one in found.body.changes], found.body.notes)


def plain_path(path):
    return path.replace("['", ".").replace("']", "")


@pytest.mark.parametrize(
    "wrap",
    [lambda exc: exc, lambda exc: {"e": exc}, lambda exc: [1, exc], lambda exc: Ok(exc), lambda exc: ({"e": [exc]},)],
    ids=["whole", "dict", "list", "record", "deep"],
)
def test_exceptions_in_an_answer_are_compared_as_those_that_are_raised(wrap):
    assert answers(wrap(KeyError("a")), wrap(KeyError("a"))) is None
    assert answers(wrap(KeyError("a")), wrap(KeyError("b"))) is None
    assert answers(wrap(KeyError("a")), wrap(KeyError("a")), strict_errors=True) is None
    assert answers(wrap(KeyError("a")), wrap(KeyError("b")), strict_errors=True) is not None
    assert answers(wrap(KeyError("a")), wrap(ValueError("a"))) is not None
    assert answers(wrap(KeyError("a")), wrap(ValueError("a")), ignore=[SameError(KeyError, ValueError)]) is None
    assert answers(wrap(ValueError("a")), wrap(KeyError("a")), ignore=[SameError(KeyError, ValueError)]) is not None
    ours, theirs = wrap(OSError(errno.EIO, "x")), wrap(OSError(errno.ENOSPC, "x"))
    assert answers(ours, wrap(OSError(errno.EIO, "y"))) is None
    found = answers(ours, theirs)
    assert found is not None
    (path,), notes = found
    assert path.endswith(".errno")
    assert notes == ()
    for rule in (IgnorePath(path), Tolerance(path, abs=50), Normalize(path, bool), IgnorePath("$..errno")):
        assert answers(ours, theirs, ignore=[rule]) is None
    assert answers(ours, theirs, error_fields={OSError: ()}) is None
    ours, theirs = wrap(ApiError(x=[1])), wrap(ApiError(x=[2]))
    assert answers(ours, theirs) is None
    found = answers(ours, theirs, error_fields={ApiError: ["x"]})
    assert found is not None
    assert found[0][0].endswith(".x[0]")


def test_of_two_types_in_an_answer_a_status_is_a_status():
    same = [SameError(ApiError, OtherError)]
    old = ApiError(response=response(404), returncode=1)
    assert answers([old], [OtherError(status=404)], ignore=same) is None
    assert answers([old], [OtherError(status=500)], ignore=same) == (["$[0].response.status_code"], ())
    assert answers([old, 1], [1, OtherError(status=404)], ignore=[*same, Unordered("$")]) is None
    assert answers([old, 1], [1, OtherError(status=500)], ignore=[*same, Unordered("$")]) is not None


def test_exceptions_in_an_answer_are_found_again_where_order_means_nothing():
    ours, theirs = [api(number) for number in range(300)], [api(number) for number in reversed(range(300))]
    assert answers(ours, theirs, ignore=[Unordered("$")]) is None
    assert answers(ours, [*theirs[1:], api(500)], ignore=[Unordered("$")]) == (["$[299].status"], ())
    assert answers({KeyError("a"), api(1)}, {api(1), KeyError("b")}) is None
    assert answers({KeyError("a"), api(1)}, {api(2), KeyError("b")}) is not None
    assert answers({KeyError("a")}, {KeyError("b")}, strict_errors=True) is not None


def test_a_group_in_an_answer_has_no_order():
    ours = group(KeyError(), group(OSError(errno.EIO, "a"), ValueError()))
    theirs = group(group(ValueError(), OSError(errno.EIO, "a")), KeyError())
    assert answers([ours], [theirs]) is None
    assert answers([ours], [group(KeyError())]) is not None
    assert answers([ours], [KeyError()]) is not None
    assert answers([ours], [theirs, 1]) is not None
    twice = KeyError()
    assert answers([group(twice, twice)], [group(KeyError())]) is not None
    assert answers([group(twice, twice)], [group(KeyError(), KeyError())]) is None
    other = group(KeyError(), group(OSError(errno.ENOSPC, "a"), ValueError()))
    assert answers([ours], [other]) is not None
    assert answers([ours], [other], ignore=[IgnorePath("$[0].exceptions[*].exceptions[*].errno")]) is None
    assert answers([ours], [other], ignore=[IgnorePath("$..errno")]) is None
    mixed = [SameError(ExceptionGroup, ApiError)]
    assert answers([ours], [ApiError()], ignore=mixed) is not None
    same = [SameError(ExceptionGroup, Failures)]
    assert answers([ours], [Failures("", theirs.exceptions)], ignore=same) is None
    assert answers([ours], [Failures("", other.exceptions)], ignore=same) is not None


class Failures(ExceptionGroup):
    pass


def test_an_exception_that_knows_when_it_is_equal_is_asked():
    assert answers([SelfAware(1)], [SelfAware(2)]) is None
    assert answers([SelfAware(1)], [KeyError(2)]) is not None
    assert answers([Thing()], [Thing()]) == (["$[0]"], ("Thing objects are compared by identity: give a view=",))
    assert answers([KeyError()], [1]) == (["$[0]"], ())


def test_rules_for_exceptions_in_an_answer_are_not_said_to_meet_nothing():
    config = ShadowConfig(ignore=[IgnorePath("$[1].errno")])
    ours, theirs = ([1, OSError(code, "")] for code in (errno.EIO, errno.ENOSPC))
    assert Divergence.compare(ours, theirs, config) is None
    assert config.comparison.use is not None
    assert config.comparison.use.counts() == {"IgnorePath $[1].errno": (1, False, True)}


def test_a_bag_is_a_set_of_what_may_be_there_twice():
    one, other = KeyError(), KeyError()
    bag = Bag((one, one))
    assert len(bag) == 2
    assert one in bag
    assert other not in bag


class Interrupting:
    """Is interrupted where it is copied."""

    def __eq__(self, other):  # pragma: no cover - it is not asked
        raise AssertionError

    __hash__ = None

    def __reduce__(self):
        raise KeyboardInterrupt


class InterruptingStruct:
    """As a struct of msgspec's, which knows itself how it is copied."""

    __struct_fields__ = ("x",)
    x = 1

    def __copy__(self):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "value", [Interrupting(), [Interrupting()] * 300, nested(9, Interrupting()), InterruptingStruct()]
)
def test_a_keyboard_interrupt_in_a_copy_passes(value):
    with pytest.raises(KeyboardInterrupt):
        copy_of(value)


def test_what_is_left_out_is_like_nothing_else():
    rest = copy_of([*range(300)])
    assert repr(rest) == "<list>"
    assert rest != 1
    assert rest != copy_of([*range(301)])
    assert len({rest, copy_of([*range(300)])}) == 1
    unkept = copy_of(Thing())
    assert unkept == unkept
    assert len({unkept, unkept}) == 1


def test_a_set_whose_copies_cannot_be_hashed_is_not_kept():
    assert repr(copy_of({HashedOnce(1)})) == "<set>"


@attrs.define(eq=True, unsafe_hash=False)
class HashedOnce:
    """Can be hashed as long as it has what it is not compared by."""

    value: int
    tag: list[int] = attrs.field(factory=list, eq=False)

    def __hash__(self):
        if not hasattr(self, "tag"):
            raise TypeError
        return 1
