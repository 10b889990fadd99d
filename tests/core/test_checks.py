"""What parameters may be: one contract for all that users call. Pure, but for what it takes to make a few objects.

A wrong type is a TypeError, a bool for a number too; out of range, NaN included, is a ValueError; either names the
parameter, and what was given is quoted. Every public class of attrs is either in INPUTS, or only comes out of the
library: so a new class, and a new parameter without a validator, fail here.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import math
import pkgutil
import re
from fractions import Fraction

import attrs
import httpx
import pytest

import trioshadow
from trioshadow import Capture, Divergence, DivergenceLog, ResponseRecord, ShadowConfig, Shadower, Sink, mirrored
from trioshadow._model import checks
from trioshadow._shadower import ShadowerOptions
from trioshadow.archive import JsonlSink, Redaction
from trioshadow.asgi import AsgiBackend, ForwardedHeaders, ReverseProxy, ShadowMiddleware
from trioshadow.compare import (
    Accept,
    CompareWith,
    Default,
    HeaderAs,
    IgnoreCookie,
    IgnoreHeader,
    IgnoreName,
    IgnorePath,
    KeyedBy,
    Normalize,
    Only,
    SameError,
    SameNumber,
    SameText,
    SameTime,
    SameType,
    Subset,
    Tolerance,
    Unordered,
)
from trioshadow.evidence import Acknowledged, Epoch, Evidence, Objective, scorecard
from trioshadow.guard import Breaker, Ramp
from trioshadow.http import HttpBackend, HttpRequest, ShadowTransport, allow_methods, key_cookie, key_header
from trioshadow.isolation import ProcessBackend, ProcessComparer, SyncBackend, ThreadBackend, ThreadComparer
from trioshadow.metrics import PrometheusCollector, Scorecards, TracedBackend
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend, assert_equivalent

INF, NAN = math.inf, math.nan

KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY


async def echo(request):
    return request


class NoBody:
    """Of no type that any parameter takes."""


# ── classes of attrs ─────────────────────────────────────────────────────────────────────────────────────────────────

#: Those that users make, with what they can't be made without.
INPUTS = {
    Accept: {"predicate": max},
    Acknowledged: {"field": "status"},
    Answer: {"value": 1},
    Breaker: {},
    Capture: {},
    Fail: {"exception": ValueError},
    Hang: {},
    HeaderAs: {"name": "x-at", "kind": "date"},
    HttpRequest: {"method": "GET", "url": "/"},
    IgnoreCookie: {},
    IgnoreHeader: {"name": "date"},
    IgnorePath: {"path": "$"},
    JsonlSink: {"path": "x.jsonl"},
    KeyedBy: {"path": "$", "field": "id"},
    CompareWith: {"type": NoBody, "function": max},
    Default: {"path": "$"},
    IgnoreName: {"name": "id"},
    Only: {"paths": "$"},
    SameNumber: {"path": "$"},
    SameText: {"path": "$", "ignore_case": True},
    SameTime: {"path": "$"},
    SameType: {"primary": NoBody, "shadow": "shop.Order"},
    Normalize: {"path": "$", "function": len},
    Objective: {},
    Ramp: {},
    Redaction: {},
    ResponseRecord: {"body": b""},
    SameError: {"primary": KeyError, "shadow": LookupError},
    ShadowConfig: {},
    Sink: {"target": print},
    Subset: {"path": "$"},
    Tolerance: {"path": "$", "abs": 1},
    Unordered: {"path": "$"},
}

#: Those that come out of the library, which has made what is in them.
RESULTS = {
    *("trioshadow.Arguments", "trioshadow.BodyDiff", "trioshadow.Captured", "trioshadow.Divergence"),
    *("trioshadow.DivergenceRecord", "trioshadow.ErrorDiff", "trioshadow.HeaderDiff", "trioshadow.SecondaryStatistics"),
    *("trioshadow.ShadowFailure", "trioshadow.ShadowStatistics"),
    *("trioshadow.archive.Archive", "trioshadow.archive.Merged", "trioshadow.archive.Problem"),
    *("trioshadow.archive.Segment", "trioshadow.archive.Snapshot"),
    *("trioshadow.compare.Change", "trioshadow.compare.Excerpt", "trioshadow.compare.HeaderChange"),
    *("trioshadow.evidence.Epoch", "trioshadow.evidence.Example", "trioshadow.evidence.FieldScore"),
    *("trioshadow.evidence.LatencyScore", "trioshadow.evidence.OperationScore", "trioshadow.evidence.Scorecard"),
    *("trioshadow.evidence.Withheld", "trioshadow.guard.BreakerChange", "trioshadow.guard.RampOutcome"),
}

#: Any object will do.
ANYTHING = {(Answer, "value"), (ResponseRecord, "body"), (Default, "value")}

FIELDS = [
    (cls, field) for cls in INPUTS for field in attrs.fields(cls) if field.init and (cls, field.name) not in ANYTHING
]


def public_classes():
    packages = [trioshadow, *(f"trioshadow.{name}" for name in packages_of_users())]
    for package in packages:
        module = importlib.import_module(package) if isinstance(package, str) else package
        for name in module.__all__:
            thing = getattr(module, name)
            if isinstance(thing, type) and attrs.has(thing):
                yield f"{module.__name__}.{name}", thing


def packages_of_users():
    found = [module.name for module in pkgutil.iter_modules(trioshadow.__path__) if module.ispkg]
    return [name for name in found if not name.startswith("_") and name != "cli"]


def test_every_public_class_is_an_input_or_a_result():
    known = {*(cls.__qualname__ for cls in INPUTS), *(name.rpartition(".")[2] for name in RESULTS)}
    assert [name for name, _ in public_classes() if name.rpartition(".")[2] not in known] == []


def make(cls, **given):
    return cls(**{**INPUTS[cls], **given})


@pytest.mark.parametrize(("cls", "field"), FIELDS, ids=lambda part: getattr(part, "__name__", None) or part.name)
def test_a_wrong_type_is_a_type_error_that_names_the_parameter(cls, field):
    with pytest.raises(TypeError) as caught:
        make(cls, **{field.name: NoBody()})
    told = str(caught.value)
    # Of headers it is the names in them, and what is not even several things says so itself.
    assert field.name in told or "not iterable" in told


NUMBERS = [(cls, field) for cls, field in FIELDS if re.search(r"\b(int|float)\b", str(field.type))]


@pytest.mark.parametrize(("cls", "field"), NUMBERS, ids=lambda part: getattr(part, "__name__", None) or part.name)
@pytest.mark.parametrize("value", [True, "1", b"1", 1j, [1]], ids=repr)
def test_what_is_no_number_is_a_type_error(cls, field, value):
    with pytest.raises(TypeError, match=field.name):
        make(cls, **{field.name: (value,) if "tuple" in str(field.type) else value})


@pytest.mark.parametrize(("cls", "field"), NUMBERS, ids=lambda part: getattr(part, "__name__", None) or part.name)
def test_nan_is_out_of_the_range_of_a_float_and_no_int(cls, field):
    value = (NAN,) if "tuple" in str(field.type) else NAN
    with pytest.raises(ValueError if "float" in str(field.type) else TypeError, match=field.name):
        make(cls, **{field.name: value})


#: Of each number, what is just inside of its range, and just outside.
RANGES = {
    (Answer, "after"): ((0, 1.5), (-1, INF)),
    (Breaker, "failures"): ((1, None), (0, -1)),
    (Breaker, "failure_rate"): ((1, 0.001, None), (0, 1.001)),
    (Breaker, "window"): ((0.001,), (0, INF)),
    (Breaker, "min_calls"): ((1,), (0,)),
    (Breaker, "cool_down"): ((0.001,), (0, INF)),
    (Breaker, "probes"): ((1,), (0,)),
    (Capture, "max_bytes"): ((1,), (0,)),
    (Fail, "after"): ((0,), (-1, INF)),
    (Hang, "refuse_cancel"): ((0,), (-1, INF)),
    (HeaderAs, "within"): ((0, 0.5, 1e9), (-0.001, INF)),
    (SameTime, "within"): ((0, 0.5, 1e9), (-0.001, INF)),
    (JsonlSink, "max_segment_bytes"): ((1024,), (1023,)),
    (JsonlSink, "max_segment_age"): ((0.001, INF), (0,)),
    (JsonlSink, "max_total_bytes"): ((2**40,), (1023,)),
    (JsonlSink, "snapshot_every"): ((0.001, INF), (0,)),
    (Objective, "max_rate"): ((1e-9, 0.999), (0, 1e-10, 1)),
    (Objective, "noise_margin"): ((0, 7), (-0.001, INF)),
    (Objective, "error_level"): ((0.001, 0.999), (0, 1)),
    (Objective, "max_p99_ratio"): ((1, 99, None), (0.999, INF)),
    (Objective, "max_p50_ratio"): ((1, 99, None), (0.999, INF)),
    (Objective, "block_seconds"): ((0.001, 1e9, None), (0, -1, INF)),
    (Objective, "block_calls"): ((1, 10**6), (0, -1)),
    (Objective, "fast_enough"): ((0,), (-0.001, INF)),
    (Objective, "min_coverage"): ((0, 1), (-0.001, 1.001)),
    (Objective, "unverifiable_noise"): ((0.001, 0.999), (0, 1)),
    (Objective, "min_keys"): ((1,), (0,)),
    (Ramp, "steps"): (((0.5, 1),), ((0, 1), (0.5, 0.5), (0.5, 1.001), (INF,), ())),
    (Ramp, "every"): ((0.001, INF), (0, -1)),
    (Ramp, "look_every"): ((0.001, INF), (0, -1)),
    (Ramp, "cool_down"): ((0.001, INF), (0, -1)),
    (Ramp, "retries"): ((0, 10), (-1,)),
    (Ramp, "fall_back_to"): ((0, 0.001), (-0.001, 0.0011)),
    (Ramp, "max_failed"): ((0, 1), (-0.001, 1.001)),
    (Ramp, "min_calls"): ((1,), (0,)),
    (ResponseRecord, "status"): ((0, -1, 10**9), ()),
    (ShadowConfig, "sample_rate"): ((0, 1, Fraction(1, 3)), (-0.001, 1.001, Fraction(4, 3))),
    (ShadowConfig, "shadow_timeout"): ((0.001, INF), (0, -1, 10**400)),
    (ShadowConfig, "max_changes"): ((1,), (0,)),
    (ShadowConfig, "max_step"): ((0.001, INF), (0,)),
    (ShadowConfig, "max_in_flight"): ((1,), (0,)),
    (ShadowConfig, "max_in_flight_bytes"): ((1,), (0,)),
    (ShadowConfig, "max_copied_bytes"): ((1,), (0,)),
    (ShadowConfig, "large_body"): ((1,), (0,)),
    (ShadowConfig, "drain_timeout"): ((0, INF), (-0.001,)),
    (ShadowConfig, "seed"): ((0, 2**32 - 1), (-1, 2**32)),
    (ShadowConfig, "noise_rate"): ((0, 1), (-0.001, 1.001)),
    (Sink, "max_buffer_size"): ((1,), (0,)),
    (Tolerance, "abs"): ((0.001,), (-0.001, INF)),
    (Tolerance, "rel"): ((0, 0.001), (-0.001, INF)),
}


def test_every_number_has_its_range_here():
    assert {(cls, field.name) for cls, field in NUMBERS} == set(RANGES)


INSIDE = [(cls, name, value) for (cls, name), (inside, _) in RANGES.items() for value in inside]
OUTSIDE = [(cls, name, value) for (cls, name), (_, outside) in RANGES.items() for value in outside]


@pytest.mark.parametrize(("cls", "name", "value"), INSIDE)
def test_what_is_in_range_is_taken_as_it_is(cls, name, value):
    assert getattr(make(cls, **{name: value}), name) == pytest.approx(value)


@pytest.mark.parametrize(("cls", "name", "value"), OUTSIDE, ids=lambda part: f"{part!r:.30}")
def test_out_of_range_is_a_value_error_with_parameter_range_and_value(cls, name, value):
    with pytest.raises(ValueError, match=name) as caught:
        make(cls, **{name: value})
    told = str(caught.value)
    assert f"{value!r:.100}" in told
    assert re.search(r"[\[(].*, .*[\])]|one or more", told)


# ── functions, and classes with a constructor of their own ───────────────────────────────────────────────────────────


def middleware(**given):
    return ShadowMiddleware(echo, shadow=echo, **given)


def transport(**given):
    inner = httpx.AsyncHTTPTransport()
    given = {"inner": inner, "shadower": Shadower(echo, echo), "routes": {"https://old": "https://new"}, **given}
    return ShadowTransport(given.pop("inner"), **given)


CLIENT = httpx.AsyncClient()
CALLS = {
    "allow_methods": lambda method: allow_methods(method),
    "AsgiBackend": functools.partial(AsgiBackend, app=echo),
    "assert_equivalent": functools.partial(assert_equivalent, primary=len, shadow=len, requests=["x"]),
    "DivergenceLog": DivergenceLog,
    "Divergence.explain": Divergence(status=(1, 2)).explain,
    "ForwardedHeaders": functools.partial(ForwardedHeaders, app=echo),
    "HttpBackend": functools.partial(HttpBackend, client=CLIENT),
    "key_cookie": key_cookie,
    "key_header": key_header,
    "mirrored": functools.partial(mirrored, len),
    "ProcessBackend": functools.partial(ProcessBackend, function=len),
    "ProcessComparer": ProcessComparer,
    "PrometheusCollector": functools.partial(PrometheusCollector, shadowers=()),
    "ReverseProxy": functools.partial(ReverseProxy, CLIENT, base_url="http://old"),
    "Scorecards": functools.partial(Scorecards, shadowers=()),
    "Scorecard.explain": scorecard(Evidence(Epoch("", "")), Objective()).explain,
    "ScriptedBackend": functools.partial(ScriptedBackend, Hang()),
    "Shadower": functools.partial(Shadower, echo, echo),
    "Shadower.subscribe": Shadower(echo, echo).subscribe,
    "ShadowMiddleware": middleware,
    "ShadowTransport": transport,
    "SyncBackend": functools.partial(SyncBackend, function=len),
    "ThreadBackend": functools.partial(ThreadBackend, factory=echo),
    "ThreadComparer": ThreadComparer,
    "TracedBackend": functools.partial(TracedBackend, echo),
}

COUNT = (1, 7), (0, -1)
OR_ZERO = (0, 7), (-1,)
DELAY = (0, 0.5), (-0.5, INF, NAN)
BODY = (0, 2**31 - 2), (-1, 2**31 - 1)
NUMBERS_OF_CALLS = {
    ("AsgiBackend", "max_body_bytes"): BODY,
    ("assert_equivalent", "max_shown"): COUNT,
    ("DivergenceLog", "capacity"): OR_ZERO,
    ("Divergence.explain", "width"): ((20, None), (19,)),
    ("HttpBackend", "max_body_bytes"): BODY,
    ("mirrored", "max_workers"): COUNT,
    ("ProcessBackend", "max_workers"): COUNT,
    ("ProcessBackend", "max_in_flight"): COUNT,
    ("ProcessBackend", "niceness"): ((0, 19), (-1, 20)),
    ("ProcessBackend", "start_timeout"): DELAY,
    ("ProcessBackend", "stop_timeout"): DELAY,
    ("ProcessComparer", "max_workers"): COUNT,
    ("ProcessComparer", "waiting"): OR_ZERO,
    ("PrometheusCollector", "operations"): OR_ZERO,
    ("ReverseProxy", "timeout"): ((0.001, INF), (0, -1, NAN)),
    ("Scorecards", "every"): ((0.001,), (0, INF, NAN)),
    ("Scorecard.explain", "width"): ((40,), (39,)),
    ("Shadower.subscribe", "max_buffer_size"): COUNT,
    ("ShadowMiddleware", "max_body_bytes"): BODY,
    ("ShadowTransport", "max_body_bytes"): BODY,
    ("SyncBackend", "max_workers"): COUNT,
    ("ThreadBackend", "max_in_flight"): COUNT,
    ("ThreadBackend", "start_timeout"): DELAY,
    ("ThreadBackend", "stop_timeout"): DELAY,
    ("ThreadComparer", "max_workers"): COUNT,
    ("ThreadComparer", "waiting"): OR_ZERO,
}


@pytest.mark.parametrize(("call", "name"), NUMBERS_OF_CALLS)
@pytest.mark.parametrize("value", [True, "1", 1j, NoBody()], ids=["bool", "str", "complex", "object"])
def test_what_is_no_number_is_a_type_error_of_a_call(call, name, value):
    with pytest.raises(TypeError, match=name):
        CALLS[call](**{name: value})


@pytest.mark.parametrize(("call", "name"), NUMBERS_OF_CALLS)
def test_the_range_of_a_parameter_of_a_call(call, name):
    inside, outside = NUMBERS_OF_CALLS[call, name]
    for value in inside:
        CALLS[call](**{name: value})
    for value in outside:
        with pytest.raises(ValueError, match=rf"{name} must be .*[\[(].*, .*[\])].*, not {re.escape(repr(value))}"):
            CALLS[call](**{name: value})
    if isinstance(inside[0], int) and NAN not in outside and "timeout" not in name:
        with pytest.raises(TypeError, match=name):
            CALLS[call](**{name: NAN})


#: Of these another object than a number is checked: texts, flags, functions, names of headers, URLs, objects of ours.
OTHERS = [
    *(("AsgiBackend", name) for name in ("app", "allow_headers", "drop_headers")),
    *(("assert_equivalent", name) for name in ("primary", "shadow", "requests", "config", "operation")),
    ("Divergence.explain", "color"),
    *(("ForwardedHeaders", name) for name in ("app", "trust")),
    *(("HttpBackend", name) for name in ("client", "base_url", "credentials", "allow_headers", "drop_headers")),
    ("HttpBackend", "preserve_host"),
    ("key_cookie", "name"),
    ("key_header", "name"),
    *(("mirrored", name) for name in ("name", "secondary", "config", "log")),
    *(("ProcessBackend", name) for name in ("function", "name")),
    *(("ReverseProxy", name) for name in ("base_url", "preserve_host")),
    ("Scorecards", "objective"),
    ("ScriptedBackend", "repeat"),
    *(("Shadower", name) for name in ("config", "name", "log", "secondary", "slo", "breaker", "comparer", "objective")),
    ("Shadower.subscribe", "name"),
    *(("ShadowMiddleware", name) for name in ("config", "name", "log", "ignore_volatile", "operation")),
    *(("ShadowMiddleware", name) for name in ("secondary", "slo", "breaker", "comparer", "objective")),
    *(("ShadowTransport", name) for name in ("inner", "shadower", "routes", "ignore_volatile", "operation")),
    ("SyncBackend", "function"),
    *(("ThreadBackend", name) for name in ("factory", "loop", "name")),
    ("TracedBackend", "side"),
]

#: Given to others as they are, who say what they think of them; or said in a test of its own.
LEFT = {
    *(("mirrored", name) for name in ("sinks", "slo", "breaker", "comparer", "objective")),
    *(("Shadower", "sinks"), ("ShadowMiddleware", "sinks"), ("ShadowMiddleware", "shadower")),
    *(("ShadowMiddleware", name) for name in ("allow_headers", "drop_headers", "app", "shadow")),
    *(("PrometheusCollector", name) for name in ("shadowers", "scorecards")),
    *(("Scorecards", "shadowers"), ("TracedBackend", "tracer_provider"), ("assert_equivalent", "settings")),
    *(("ReverseProxy", "client"), ("TracedBackend", "backend"), ("mirrored", "shadow")),
    *(("Shadower", "primary"), ("Shadower", "shadow"), ("ScriptedBackend", "steps"), ("allow_methods", "methods")),
}

SIGNED = {
    "Divergence.explain": Divergence.explain,
    "Scorecard.explain": scorecard(Evidence(Epoch("", "")), Objective()).explain,
    "ShadowMiddleware": ShadowMiddleware,
    "ShadowTransport": ShadowTransport,
    "allow_methods": allow_methods,
}


@pytest.mark.parametrize("call", CALLS)
def test_every_parameter_of_a_call_is_checked_here(call):
    called = SIGNED.get(call) or getattr(CALLS[call], "func", CALLS[call])
    names = {name for name in inspect.signature(called).parameters if name != "self"}
    if "options" in names:
        names = names - {"options"} | ShadowerOptions.__annotations__.keys()
    known = {name for key, name in (*NUMBERS_OF_CALLS, *OTHERS, *LEFT) if key == call}
    assert names == known


def test_the_options_that_forms_share_are_those_of_a_shadower():
    named = [
        parameter for parameter in inspect.signature(Shadower).parameters.values() if parameter.kind is KEYWORD_ONLY
    ]
    # A secondary is what the form makes a backend of.
    assert {parameter.name: parameter.annotation for parameter in named if parameter.name != "secondary"} == {
        name: annotation.__forward_arg__ for name, annotation in ShadowerOptions.__annotations__.items()
    }


@pytest.mark.parametrize(("call", "name"), OTHERS)
def test_a_wrong_type_is_a_type_error_of_a_call(call, name):
    with pytest.raises(TypeError, match=name):
        made = CALLS[call](**{name: NoBody()})
        if call == "mirrored":  # it makes its shadower where it decorates
            made(len)


# ── the checks themselves ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("check", "value", "kind", "words"),
    [
        (checks.is_count, "5", TypeError, "x must be an int, not str: '5' is not a count in [1, inf)"),
        (checks.is_count, 0, ValueError, "x must be a count in [1, inf), not 0"),
        (
            checks.is_count.or_none,
            True,
            TypeError,
            "x must be an int, not bool: True is not a count in [1, inf) or None",
        ),
        (checks.is_delay, NAN, ValueError, "x must be seconds in [0, inf), not nan"),
        (checks.is_delay, 10**400, ValueError, f"x must be seconds in [0, inf), not {'1' + '0' * 99}"),
        (checks.is_text, 3, TypeError, "x must be a str, not int: 3"),
        (checks.is_name, "", ValueError, "x must be a str that is not empty, not ''"),
        (checks.is_function, 3, TypeError, "x must be a function, not int: 3"),
    ],
)
def test_what_is_said(check, value, kind, words):
    with pytest.raises(kind, match=f"^{re.escape(words)}$"):
        check.check("x", value)


def test_none_passes_only_where_it_may():
    checks.is_count.or_none.check("x", None)
    with pytest.raises(TypeError, match="x must be an int, not NoneType"):
        checks.is_count.check("x", None)
