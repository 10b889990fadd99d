"""Secrets of traffic don't leave by the side doors: logs, warnings, reprs, tracebacks of our own, statistics, archives.

Every place where a caller or a server may put a secret has one that is recognised by NEEDLE, and everything that comes
out is searched for it. Where values of traffic are by design is written down in BY_DESIGN; there too, what lets
somebody in is masked. Real servers, hypercorn on loopback.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import gzip
import importlib
import json
import logging
import re
import traceback
import warnings

import attrs
import httpx
import pytest
import trio

import trioshadow
from trioshadow import Capture, DivergenceLog, ResponseRecord, ShadowConfig, Shadower, Sink, encode_key, mirrored
from trioshadow.archive import JsonlSink, Redaction, merge_archives, read_archive
from trioshadow.asgi import AsgiBackend, ForwardedHeaders, ReverseProxy, ShadowMiddleware
from trioshadow.http import (
    HttpBackend,
    HttpRequest,
    ShadowTransport,
    allow_methods,
    key_cookie,
    key_header,
    served_by_edge,
)
from trioshadow.isolation import SyncBackend
from trioshadow.testing import Answer, Fail, ScriptedBackend

from tests.support.portable import TOO_LONG
from tests.support.servers import serving

#: Put together here, since tracebacks show the lines of this file.
NEEDLE = "hunter" + "2"
TOKEN, SESSION, KEY = f"{NEEDLE}-token", f"{NEEDLE}-session", f"{NEEDLE}-key"
#: That in bodies and in exceptions is told apart: there are places where it is by design.
VALUE = f"{NEEDLE[::-1]}-value"

SECRET_HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Proxy-Authorization": f"Basic {TOKEN}",
    "Cookie": f"sid={SESSION}; theme={NEEDLE}",
    "X-Api-Key": KEY,
    "Referer": f"https://ada:{NEEDLE}@h.test/?access_token={TOKEN}",
}
TARGET = f"/users/7?token={TOKEN}&api_key={KEY}&page=2"


def texts_with(text, needle):
    """Where it is found in the text, or in what in it is base64."""
    decoded = [text]
    for word in re.findall(r"[A-Za-z0-9+/]{12,}={0,2}", text):
        with contextlib.suppress(binascii.Error):
            decoded.append(base64.b64decode(word, validate=True).decode("latin-1"))
    return [part[:300] for part in decoded if needle.lower() in part.lower()]


def assert_kept(text, *needles):
    for needle in needles:
        assert not texts_with(str(text), needle)


def lines_below(directory):
    """All that is on the disk, one segment for each epoch."""
    return "".join(
        (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
        for path in sorted(directory.iterdir())
    )


class Heard:
    """All that is said while it is entered: by every logger of ours at any level, and as warnings."""

    def __enter__(self):
        self.said = []
        self.handler = logging.Handler(0)
        self.handler.emit = lambda record: self.said.append(
            f"{record.getMessage()} {record.args!r} {record.__dict__!r} {self.traceback_of(record)}"
        )
        self.logger = logging.getLogger("trioshadow")
        self.before = self.logger.level
        self.logger.setLevel(1)
        self.logger.addHandler(self.handler)
        self.caught = warnings.catch_warnings(record=True)
        self.warned = self.caught.__enter__()
        warnings.simplefilter("always")
        return self

    def traceback_of(self, record):
        return "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""

    def __exit__(self, *exc):
        self.caught.__exit__(*exc)
        self.logger.removeHandler(self.handler)
        self.logger.setLevel(self.before)
        self.said += [str(warning.message) for warning in self.warned]


def answering(version, *, raises=False):
    """An app that answers with secrets in all places: those of the two versions differ."""

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                kind = (await receive())["type"]
                await send({"type": f"{kind}.complete"})
                if kind == "lifespan.shutdown":
                    return
        if raises:
            raise ValueError(f"no such user: {VALUE}, Authorization: Bearer {TOKEN}")
        headers = [
            (b"content-type", b"application/json"),
            (b"set-cookie", f"sid={SESSION}{version}; Path=/; Max-Age={version}".encode()),
            (b"x-api-key", f"{KEY}{version}".encode()),
            (b"location", f"https://u:{NEEDLE}@h.test/{version}?code={TOKEN}".encode()),
            (b"link", f"</next?sig={TOKEN}{version}>; rel=next".encode()),
        ]
        body = json.dumps({"email": f"{VALUE}{version}", "v": version}).encode()
        await send({"type": "http.response.start", "status": 200 + version, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def everything(shadower, records=()):
    """All that a shadower tells, but what is in BY_DESIGN."""
    yield from (shadower, shadower.config, shadower.statistics(), *shadower.statistics().records_dropped)
    scorecard = shadower.scorecard()
    yield from (scorecard, *scorecard.reasons, *scorecard.missing, *scorecard.not_covered, *scorecard.notes)
    for operation in scorecard.operations:
        yield from (operation, *operation.fields)
    for record in records:
        yield from (record, record.captured, *attrs.astuple(record.captured, recurse=False)[3:])
        if record.divergence is not None:
            yield str(record.divergence)


#: Where values of traffic are by design, and so must be treated as traffic is. Of headers that let somebody in they are
#: masked there too.
BY_DESIGN = {
    "Divergence": "repr and explain() have values of bodies and of headers, and messages; str() has none",
    "BodyDiff": "a part of it",
    "HeaderDiff": "a part of it",
    "ErrorDiff": "a part of it: messages of exceptions",
    "ShadowFailure": "has the message of an exception; a record's repr shows its type alone",
    "Change": "has two values",
    "HeaderChange": "has two values, masked if they let somebody in",
    "Excerpt": "has a part of a value",
    "Example": "has a key and two values, masked as those of records; a score's repr only counts them",
    "Snapshot": "is a line of an archive",
    "Arguments": "its attributes are what a function was called with; its repr only counts them",
    "DivergenceRecord": "its attributes: key, divergence, failure, what was captured; its repr has none of them",
    "Captured": "its attributes: it is there only if asked for; its repr has none of them",
    "ResponseRecord": "its attributes; its repr has sizes only",
    "HttpRequest": "its attributes; its repr has method and path only",
    "ShadowOutcome": "its attributes; its repr has the verdict only",
    "NotEquivalentError": "is raised in tests, and has requests and differences in its message",
    "Answer": "is what a test scripts",
    "Fail": "is what a test scripts",
}

#: What never holds anything of traffic but names and counts: tried below, or data that the user wrote.
WITHOUT_VALUES = {
    *("Accept", "Acknowledged", "AnyLeg", "Archive", "AsgiBackend", "Backend", "BackendFull"),
    *("BackendNotRunning", "BodyTooLarge", "Breaker", "BreakerChange"),
    *(
        "BreakerState",
        "CandidateError",
        "Capture",
        "ChangeKind",
        "CompareWith",
        "Comparer",
        "Decision",
        "DivergenceLog",
    ),
    *("Epoch", "Evidence", "FailureKind", "FieldScore", "FieldState", "ForwardedHeaders", "Hang", "HeldBack"),
    *("Histogram", "HttpBackend", "IgnoreField", "IgnoreHeader", "IgnorePath", "IncompleteResponse"),
    *("Default", "HeaderAs", "HeaderKind", "IgnoreCookie", "IgnoreName", "Only", "SameNumber", "SameText", "SameTime"),
    *("Undecided",),
    *("JsonlSink", "KeyedBy", "LatencyScore", "Leg", "LegBreaker", "Merged", "MirroredFunction", "Normalize"),
    *("Objective", "Observation", "OperationScore", "Problem", "ProblemKind", "ProcessBackend"),
    *("ProcessComparer", "PrometheusCollector", "Ramp", "RampEnd", "RampOutcome", "Redaction", "ReverseProxy"),
    *("SameError", "SameType", "Scorecard", "Scorecards", "ScriptedBackend", "SecondaryStatistics", "Segment"),
    *("ShadowConfig", "ShadowError", "ShadowMiddleware", "ShadowPending", "ShadowStatistics"),
    *("ShadowTransport", "Shadower", "ShadowerNotRunning", "Sink", "SloTracker", "Subset", "SyncBackend"),
    *("ThreadBackend", "ThreadComparer", "Tolerance", "TracedBackend", "Unordered", "Verdict", "Withheld"),
}


def test_of_each_public_class_it_is_said_whether_it_tells_values():
    """A new one must be thought of here."""
    # Met, and not in any `__all__`:
    public = {
        "BreakerChange",
        "ChangeKind",
        "Example",
        "Excerpt",
        "HeaderChange",
        "HeaderKind",
        "IncompleteResponse",
        "LatencyScore",
        "Merged",
    }
    public |= {"ProblemKind", "RampOutcome", "Segment", "Withheld"}
    wings = ("compare", "evidence", "http", "asgi", "guard", "isolation", "archive", "testing", "metrics")
    for module in ("trioshadow", *(f"trioshadow.{wing}" for wing in wings)):
        room = importlib.import_module(module)
        public |= {name for name in room.__all__ if isinstance(getattr(room, name), type)}
    assert public <= BY_DESIGN.keys() | WITHOUT_VALUES


# ── the edges ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def through_backends(old, new, around):
    """A shadower between two services, keyed by a header that lets somebody in."""
    config = attrs.evolve(around.config, key=key_header("X-Api-Key"))
    async with httpx.AsyncClient() as one, httpx.AsyncClient() as other:
        url = old.replace("//", f"//ada:{NEEDLE}@")
        primary, shadow = HttpBackend(one, url, credentials=SECRET_HEADERS), HttpBackend(other, new)
        async with Shadower(primary, shadow, config, sinks=around.sinks) as shadower:
            request = HttpRequest("GET", TARGET, SECRET_HEADERS)
            outcome = await shadower.call(request, operation="user")
            await shadower.wait_idle()
            around.tell(primary, shadow, request, outcome, outcome.primary, outcome.shadow)
            return shadower


async def through_a_transport(old, new, around):
    """An application's client, keyed by target."""
    async with (
        httpx.AsyncClient() as other,
        Shadower(served_by_edge, HttpBackend(other), around.config, sinks=around.sinks) as shadower,
    ):
        transport = ShadowTransport(httpx.AsyncHTTPTransport(), shadower=shadower, routes={old: new})
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get(old + TARGET, headers=SECRET_HEADERS)
            await client.post(old + TARGET, headers=SECRET_HEADERS, content=VALUE.encode())
            await shadower.wait_idle()
        around.tell(transport)
        return shadower


async def through_a_middleware(old, new, around):
    """An app with another in its process, which raises."""
    config = attrs.evolve(around.config, key=key_cookie("sid"))
    app = ShadowMiddleware(answering(0), shadow=answering(1, raises=True), config=config, sinks=around.sinks)
    async with serving(app) as url, httpx.AsyncClient() as client:
        await client.get(url + TARGET, headers=SECRET_HEADERS)
        await app.shadower.wait_idle()
    around.tell(app, AsgiBackend(answering(1)))
    return app.shadower


async def through_a_proxy(old, new, around):
    """A proxy before a service, and a shadow that can't be reached besides."""
    async with httpx.AsyncClient() as one, httpx.AsyncClient() as other:
        proxy = ReverseProxy(one, old)
        shadow = HttpBackend(other, new, credentials=["cookie"])
        middleware = ShadowMiddleware(proxy, shadow=shadow, config=around.config, sinks=around.sinks)
        app = ForwardedHeaders(middleware)
        async with serving(app) as url, httpx.AsyncClient() as client:
            await client.get(url + TARGET, headers=SECRET_HEADERS)
            await client.post(url + TARGET, headers=SECRET_HEADERS, content=VALUE.encode())
        around.tell(app, proxy)
        down = ShadowMiddleware(ReverseProxy(one, "http://127.0.0.1:9"), shadow=shadow, config=around.config)
        async with serving(down) as url, httpx.AsyncClient() as client:
            assert (await client.get(url + TARGET, headers=SECRET_HEADERS)).status_code == 502
        return middleware.shadower


class Around:
    def __init__(self, path):
        self.records = []
        self.told = []
        self.archive = JsonlSink(path)
        self.sinks = [self.records.append, self.archive]
        self.config = ShadowConfig(capture=Capture(), may_mirror=allow_methods("POST"))

    def tell(self, *things):
        self.told += things


@pytest.mark.parametrize("edge", [through_backends, through_a_transport, through_a_middleware, through_a_proxy])
async def test_an_edge_tells_no_secret_but_where_values_are_by_design(tmp_path, edge):
    around = Around(tmp_path / "shadow.jsonl")
    async with serving(answering(0)) as old, serving(answering(1)) as new:
        with Heard() as heard:
            shadower = await edge(old, new, around)
    assert around.records
    for thing in (*heard.said, *around.told, *around.sinks, *everything(shadower, around.records)):
        assert_kept(thing, NEEDLE, VALUE)
        assert_kept(repr(thing), NEEDLE, VALUE)
    # By design these have values of bodies and messages. What lets somebody in is masked all the same.
    for record in around.records:
        for thing in (record.divergence, record.divergence and record.divergence.explain(), record.failure):
            for secret in (SESSION, KEY):
                assert_kept(repr(thing), secret)
    lines = lines_below(tmp_path)
    assert lines.count('"t":"record"') == len(around.records)
    assert lines.count('"t":"snapshot"') > 0
    assert_kept(lines, NEEDLE)
    for entry in read_archive(tmp_path / "shadow.jsonl"):
        assert_kept(repr(entry), NEEDLE)
    for evidence in merge_archives(tmp_path / "shadow.jsonl").epochs.values():
        assert_kept(evidence.to_dict(0), NEEDLE)


@pytest.mark.parametrize("edge", [through_backends, through_a_transport, through_a_middleware, through_a_proxy])
async def test_with_paths_redacted_no_value_of_a_body_is_in_an_archive_either(tmp_path, edge):
    around = Around(tmp_path / "shadow.jsonl")
    around.archive = JsonlSink(tmp_path / "shadow.jsonl", redaction=Redaction(paths=["$..email"], keys="hash"))
    around.sinks = [around.records.append, around.archive]
    async with serving(answering(0)) as old, serving(answering(1)) as new:
        await edge(old, new, around)
    lines = lines_below(tmp_path)
    assert lines.count('"t":"record"') == len(around.records) > 0
    assert_kept(lines, NEEDLE, VALUE)


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────────────


class Spilling(Exception):
    """Its text is a secret."""

    def __init__(self):
        super().__init__(f"{VALUE} {TOKEN}")


def spill(*_):
    raise Spilling


def spilling_subclass():
    return type("Spilling", (Spilling,), {"__str__": spill})()


async def test_what_user_code_raises_is_told_by_its_type_alone(autojump_clock):
    """Keys, copies, views, may_mirror, sinks, an SLO tracker, logs, exceptions whose text can't be had."""

    class BrokenLog(DivergenceLog):
        push = spill

    class Tracker:
        record = spill

    shadow = ScriptedBackend(Answer(VALUE), Fail(Spilling), Fail(spilling_subclass()), Answer(spill))
    with Heard() as heard:
        for config in (
            ShadowConfig(key=spill, sample_rate=0.5),
            ShadowConfig(copy_request=spill),
            ShadowConfig(view=(None, spill)),
            ShadowConfig(view=spill),
            ShadowConfig(may_mirror=spill),
            ShadowConfig(compare=spill),
        ):
            primary = ScriptedBackend(Answer(b""))
            sinks = [Sink(spill, name="spilling")]
            async with Shadower(primary, shadow, config, log=BrokenLog(), sinks=sinks, slo=Tracker()) as shadower:
                for _ in range(4):
                    await shadower.call({"password": VALUE, "token": TOKEN}, key=None if config.key else KEY)
                await shadower.wait_idle()
                told = [*everything(shadower)]
            for thing in told:
                assert_kept(repr(thing), VALUE, NEEDLE)
    assert any("Spilling" in line for line in heard.said)
    for line in heard.said:
        assert_kept(line, VALUE, NEEDLE)


async def test_a_mirrored_function_tells_nothing_of_its_arguments(autojump_clock):
    records = []

    async def new(password, *, token):
        raise Spilling

    @mirrored(new, ShadowConfig(key=lambda arguments: arguments.args[0]), sinks=[records.append])
    async def login(password, *, token):
        return VALUE

    with Heard() as heard:
        await login(VALUE, token=TOKEN)
        async with login.mirroring() as shadower:
            await login(VALUE, token=TOKEN)
            await shadower.wait_idle()
        arguments = trioshadow.Arguments((VALUE,), {"token": TOKEN})
        sync = SyncBackend(spill)
        with contextlib.suppress(Spilling):
            await sync.call(VALUE)
    for thing in (*heard.said, arguments, sync, records[0], *everything(login.shadower)):
        assert_kept(repr(thing), VALUE, NEEDLE)


OUR_ERRORS = {
    "a base URL with a password": lambda: HttpBackend(httpx.AsyncClient(), f"https://ada:{NEEDLE}@h.test/?q"),
    "a base URL whose password is not escaped": lambda: HttpBackend(httpx.AsyncClient(), f"https://a:{NEEDLE}/x@h"),
    "a base URL with a token": lambda: HttpBackend(httpx.AsyncClient(), f"https://h.test/?token={TOKEN}"),
    "a base URL with a fragment": lambda: HttpBackend(httpx.AsyncClient(), f"https://h.test/#token={TOKEN}"),
    "a proxy's base URL": lambda: ReverseProxy(httpx.AsyncClient(), f"https://ada:{NEEDLE}@h.test"),
    "a request that is none": lambda: HttpRequest("GET", f"users?token={TOKEN}"),
    "a request's headers": lambda: HttpRequest("GET", "/", {"Authorization": object(), "Cookie": TOKEN}),
    "a request's body": lambda: HttpRequest("GET", "/", {}, VALUE),
    "a route with a password": lambda: ShadowTransport(
        httpx.AsyncHTTPTransport(),
        shadower=Shadower(served_by_edge, spill),
        routes={f"https://ada:{NEEDLE}@h.test/x": "https://h.test"},
    ),
    "a key of no type for keys": lambda: encode_key({"user": NEEDLE}),
    "a key that is not of bytes": lambda: ShadowConfig().should_shadow(NEEDLE),
    "a header that is not there": lambda: key_header("X-User")(HttpRequest("GET", TARGET, SECRET_HEADERS)),
    "a cookie that is not there": lambda: key_cookie("user")(HttpRequest("GET", TARGET, SECRET_HEADERS)),
    "a target where a URL is asked for": lambda: HttpRequest("GET", TARGET, SECRET_HEADERS).to_httpx(),
    "a record's headers": lambda: ResponseRecord(VALUE, headers={"set-cookie": 7}),
}


@pytest.mark.parametrize("what", OUR_ERRORS)
def test_our_own_errors_quote_no_secret(what):
    """Whole tracebacks, as they are logged."""
    with pytest.raises((ValueError, TypeError, KeyError)) as caught:
        OUR_ERRORS[what]()
    assert_kept("".join(traceback.format_exception(caught.value)), NEEDLE, VALUE)


async def test_errors_of_a_shadower_that_is_not_run_or_a_body_that_is_too_large_quote_nothing(autojump_clock):
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, text=NEEDLE * 9)))
    backend = HttpBackend(client, "https://h.test", max_body_bytes=3)
    shadower = Shadower(backend, backend)
    for asked in (backend.call, shadower.call):
        with pytest.raises(trioshadow.ShadowError) as caught:
            await asked(HttpRequest("GET", TARGET, SECRET_HEADERS))
        assert_kept("".join(traceback.format_exception(caught.value)), NEEDLE)


def test_a_header_that_an_exception_quotes_is_masked_in_archives():
    """As h11 does, of a token that was read from a file with its line end."""
    failure = trioshadow.ShadowFailure(
        trioshadow.FailureKind.RAISED, "LocalProtocolError", f"Illegal header value b'Bearer {TOKEN}\\n'"
    )
    record = trioshadow.DivergenceRecord(b"", "", trioshadow.Verdict.FAILED, None, failure, 0.0, None, None)
    assert_kept(Redaction().apply(record).failure, NEEDLE)
    assert_kept(repr(record), NEEDLE)


# ── whose logs are not ours ───────────────────────────────────────────────────────────────────────────────────────────


async def test_httpx_logs_urls_whole_at_info_unless_it_is_told_not_to(caplog):
    """What docs/security.md says to do about it; the proxy's own requests are in no log of httpx."""
    async with (
        serving(answering(0)) as url,
        httpx.AsyncClient() as client,
        serving(ReverseProxy(client, url)) as proxy_url,
    ):
        caplog.set_level(logging.INFO)
        caplog.set_level(logging.INFO, logger="httpx")  # whatever was set before
        await HttpBackend(client, url).call(HttpRequest("GET", TARGET))
        assert texts_with(caplog.text, TOKEN)
        caplog.clear()
        caplog.set_level(logging.WARNING, logger="httpx")
        await HttpBackend(client, url).call(HttpRequest("GET", TARGET))
        caplog.set_level(logging.INFO, logger="httpx")
        with trio.fail_after(TOO_LONG):
            stream = await trio.open_tcp_stream("127.0.0.1", int(proxy_url.rpartition(":")[2]))
            async with stream:
                await stream.send_all(f"GET {TARGET} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
                while await stream.receive_some():
                    pass
        assert_kept(caplog.text, NEEDLE)
