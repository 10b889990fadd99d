"""Credentials that a backend withholds: the leg is told their names, and a refusal is not the candidate's difference.

Mock transports of both families and the virtual clock; a real proxy is in tests/cli.
"""

from __future__ import annotations

import contextlib

import httpx
import httpx2
import pytest
import trio

from trioshadow import Capture, DivergenceLog, IgnoreField, ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow.evidence import Decision, Objective
from trioshadow.http import CREDENTIALS, HttpBackend, HttpRequest, ShadowTransport, served_by_edge
from trioshadow.isolation import ProcessComparer

OLD, NEW = "https://api.old", "https://api.new"
TOKEN = {"Authorization": "Bearer s3cret"}
UNTIMED = Objective(max_p99_ratio=None)


@pytest.fixture(params=[httpx, httpx2], ids=lambda library: library.__name__)
def library(request):
    return request.param


class Service:
    """Knows who has one of its headers; any other is refused by `refusal`, a function of the request."""

    def __init__(self, library, refusal=None, *, knows=("authorization",), status=200, headers=(), body=b'{"me": 1}'):
        self.library = library
        self.knows = knows
        self.answer = status, dict(headers), body
        self.refusal = refusal or (401, {}, b'{"error": "who?"}')
        self.requests = []

    async def __call__(self, request):
        await trio.lowlevel.checkpoint()
        self.requests.append(request)
        known = any(name in request.headers for name in self.knows)
        status, headers, body = self.answer if known else self.refusal
        return self.library.Response(status, headers=headers, content=body)

    def client(self, **options):
        return self.library.AsyncClient(transport=self.library.MockTransport(self), **options)


def request(headers=TOKEN, url="/me"):
    return HttpRequest("GET", url, headers)


@contextlib.asynccontextmanager
async def shadowing(primary, shadow, config=None, **options):
    async with Shadower(primary, shadow, config or ShadowConfig(), **options) as shadower:
        yield shadower
        await shadower.wait_idle()


async def withheld(primary, shadow, *requests, config=None, **options):
    """What the scorecard says was withheld, as side, headers, remedy and calls."""
    async with shadowing(primary, shadow, config, **options) as shadower:
        for one in requests or (request(),):
            await shadower.call(one)
            await shadower.wait_idle()
    return [(one.side, one.headers, one.remedy, one.calls) for one in shadower.scorecard(UNTIMED).withheld]


async def known(_):
    """A primary that knows who asks."""
    await trio.lowlevel.checkpoint()
    return ResponseRecord(b'{"me": 1}')


NAMED = 'HttpBackend(credentials=["authorization"])'
REFUSALS = {
    "401": (401, {}, b"who?"),
    "403 in JSON": (403, {"content-type": "application/json"}, b'{"error": "who?"}'),
    "a redirect to a login": (302, {"location": "/users/sign_in"}, b""),
    "another origin's login": (307, {"location": "https://accounts.example/o"}, b""),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_of_a_copy_without_credentials_is_not_the_candidates(library, autojump_clock, refusal):
    shadow = HttpBackend(Service(library, refusal).client(), NEW)
    log = DivergenceLog()
    async with shadowing(known, shadow, log=log) as shadower:
        for _ in range(5):
            await shadower.call(request())
    # The counters stay what they were.
    assert shadower.statistics().diverged == 5
    found = shadower.scorecard(UNTIMED)
    (one,) = found.withheld
    assert (one.side, one.headers, one.remedy, one.calls, one.of) == ("shadow", ("authorization",), NAMED, 5, 5)
    assert found.operations[0].fields == ()
    assert found.decision is Decision.HOLD
    assert NAMED in found.reasons[0]
    assert [record.withheld for record in shadower.divergences()] == [("authorization",)] * 5
    assert "s3cret" not in found.explain() + repr(shadower.divergences()) + str(shadower.snapshot())


async def test_what_was_sent_along_is_not_missing(library, autojump_clock):
    """Then a refusal is the candidate's own."""
    shadow = HttpBackend(Service(library, knows=()).client(), NEW, credentials=["authorization"])
    async with shadowing(known, shadow) as shadower:
        await shadower.call(request())
    found = shadower.scorecard(UNTIMED)
    assert found.withheld == ()
    assert [field.field for field in found.operations[0].fields] != []
    assert [record.withheld for record in shadower.divergences()] == [()]


async def test_nothing_was_withheld_from_a_request_without_credentials(library, autojump_clock):
    assert await withheld(known, HttpBackend(Service(library).client(), NEW), request({"Accept": "*/*"})) == []


async def test_an_answer_that_refuses_nothing_is_compared(library, autojump_clock):
    """Also a wrong one, or a redirect to anywhere: the lack does not explain it."""
    for answer in ((500, {}, b""), (302, {"location": "/next"}, b""), (404, {}, b""), (200, {}, b'{"me": 2}')):
        assert await withheld(known, HttpBackend(Service(library, answer).client(), NEW)) == []


async def test_odd_case_and_repeats_are_one_name(library, autojump_clock):
    odd = request([("AUTHORIZATION", "a"), ("cOOkie", "b=1"), ("Cookie", "c=2"), ("X-Api-KEY", "k")])
    (one,) = await withheld(known, HttpBackend(Service(library).client(), NEW, credentials=["X-API-Key"]), odd)
    assert one[1:3] == (("authorization", "cookie"), 'HttpBackend(credentials=["authorization", "cookie"])')


@pytest.mark.parametrize(
    ("old", "new", "explained"),
    [
        (401, 401, False),
        (401, 403, False),
        (403, 403, False),
        (403, 401, True),
        (302, 401, False),
        (200, 403, True),
        (500, 401, True),
    ],
)
async def test_a_primary_that_refuses_too_knew_no_better(autojump_clock, old, new, explained):
    """With the credentials in hand; but one that forbids knows who asks."""
    primary = HttpBackend(Service(httpx, (old, {"location": "/login"}, b""), knows=()).client(), OLD)
    shadow = HttpBackend(Service(httpx, (new, {}, b"")).client(), NEW)
    assert bool(await withheld(primary, shadow)) is explained


async def test_credentials_for_a_proxy_explain_407_and_nothing_else_does(library, autojump_clock):
    refusal = (407, {}, b"")
    both = {**TOKEN, "Proxy-Authorization": "Basic eA=="}
    shadow = HttpBackend(Service(library, refusal, knows=()).client(), NEW)
    assert await withheld(known, shadow) == []
    (one,) = await withheld(known, shadow, request(both))
    assert one[1] == ("proxy-authorization",)


# ── what a client brings along ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_client_with_credentials_of_its_own_lacks_none(library, autojump_clock):
    """Whether by its `auth`, a header, the URL, or an `auth` that signs in another way."""

    class Signs(library.Auth):
        def auth_flow(self, request):
            request.headers["x-signed"] = "1"
            yield request

    for options, url in (
        ({"auth": ("me", "pw")}, NEW),
        ({"headers": TOKEN | {"Authorization": "Bearer mine"}}, NEW),
        ({}, "https://me:pw@api.new"),
        ({"auth": Signs()}, NEW),
    ):
        service = Service(library, knows=())
        assert (
            await withheld(known, HttpBackend(service.client(**options), url), request(TOKEN | {"Cookie": "a"})) == []
        )
        assert len(service.requests) == 1


async def test_a_clients_own_cookie_is_no_missing_cookie(library, autojump_clock):
    client = Service(library, knows=()).client(headers={"Cookie": "sid=mine"})
    (one,) = await withheld(known, HttpBackend(client, NEW), request(TOKEN | {"Cookie": "sid=theirs"}))
    assert one[1] == ("authorization",)


# ── why a header did not go along ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("options", "headers", "remedy"),
    [
        ({"allow_headers": ["accept"]}, TOKEN, 'HttpBackend(credentials=["authorization"], allow_headers=[..., "aut'),
        ({"credentials": ["authorization"], "allow_headers": ["x-*"]}, TOKEN, 'HttpBackend(allow_headers=[..., "auth'),
        (
            {"credentials": CREDENTIALS, "drop_headers": ["auth*"]},
            TOKEN,
            'HttpBackend(drop_headers= without "authorization")',
        ),
        ({"drop_headers": ["x-*"]}, {"X-Acme-Token": "t", "X-Trace": "1"}, 'HttpBackend(drop_headers= without "x-acme'),
    ],
)
async def test_the_remedy_names_the_parameter_that_keeps_the_header_back(autojump_clock, options, headers, remedy):
    shadow = HttpBackend(Service(httpx, knows=()).client(), NEW, **options)
    (one,) = await withheld(known, shadow, request(headers))
    assert one[2].startswith(remedy)


async def test_a_header_that_lets_nobody_in_explains_nothing(autojump_clock):
    headers = {"X-Trace": "1", "Idempotency-Key": "k", "X-Author": "a"}
    shadow = HttpBackend(Service(httpx, knows=()).client(), NEW, drop_headers=["*"])
    assert await withheld(known, shadow, request(headers)) == []


async def test_a_header_about_the_connection_is_nobodys_to_send(autojump_clock):
    shadow = HttpBackend(Service(httpx, knows=()).client(), NEW, credentials=["cookie"])
    assert await withheld(known, shadow, request({"Connection": "cookie", "Cookie": "a=1"})) == []


# ── whatever is made of the answer ──────────────────────────────────────────────────────────────────────────────────


async def test_it_survives_views_of_both_sides(library, autojump_clock):
    shadow = HttpBackend(Service(library).client(), NEW)
    config = ShadowConfig(view=lambda record: record.body)
    assert await withheld(known, shadow, config=config) == [("shadow", ("authorization",), NAMED, 1)]

    # A primary that refused as well is known by its answer, and not by the view of it.
    primary = HttpBackend(Service(library, knows=()).client(), OLD)
    assert await withheld(primary, shadow, config=config) == []


async def test_a_view_that_can_not_read_the_refusal_does_not_count_as_a_failure(autojump_clock):
    shadow = HttpBackend(Service(httpx, (401, {}, b"")).client(), NEW)
    async with shadowing(known, shadow, ShadowConfig(view=lambda record: record.body[0])) as shadower:
        outcome = await (await shadower.call(request())).wait_settled()
    assert outcome.verdict is Verdict.FAILED
    assert [(one.headers, one.calls) for one in shadower.scorecard().withheld] == [(("authorization",), 1)]
    assert shadower.scorecard().operations[0].fields == ()


async def test_a_primarys_view_that_raises_is_no_refusal(autojump_clock):
    shadow = HttpBackend(Service(httpx).client(), NEW)
    assert await withheld(known, shadow, config=ShadowConfig(view=(lambda record: 1 / 0, None))) == []


async def test_code_around_a_backend_may_make_anything_of_its_answer(autojump_clock):
    backend = HttpBackend(Service(httpx).client(), NEW)

    async def parsed(asked):
        return (await backend.call(asked)).body

    async def raises(asked):
        record = await backend.call(asked)
        raise PermissionError(record.status)

    for shadow in (parsed, raises):
        assert [one[1:] for one in await withheld(known, shadow)] == [(("authorization",), NAMED, 1)]


async def test_the_last_answer_counts_where_a_backend_asks_several_times(autojump_clock):
    without = HttpBackend(Service(httpx).client(), NEW)
    along = HttpBackend(Service(httpx).client(), NEW, credentials=["authorization"])

    async def asks_again(asked):
        await without.call(asked)
        return await along.call(asked)

    assert await withheld(known, asks_again) == []


async def test_a_primary_that_raises_is_compared_as_ever(autojump_clock):
    async def down(_):
        raise ConnectionError

    async with shadowing(down, HttpBackend(Service(httpx).client(), NEW)) as shadower:
        with pytest.raises(ConnectionError):
            await shadower.call(request())
    assert shadower.scorecard().withheld == ()
    assert shadower.statistics().diverged == 1


async def test_a_refusal_that_comes_too_late_is_the_candidates_own(autojump_clock):
    async def late(asked):
        answer = await HttpBackend(Service(httpx).client(), NEW).call(asked)
        await trio.sleep(9)
        return answer

    assert await withheld(known, late) == []


async def test_a_page_to_log_in_that_is_too_large_is_a_refusal(library, autojump_clock):
    refusal = (403, {}, b"x" * 99)
    shadow = HttpBackend(Service(library, refusal).client(), NEW, max_body_bytes=9)
    assert [one[1] for one in await withheld(known, shadow)] == [("authorization",)]


async def test_a_match_of_what_is_left_to_compare_is_no_match(autojump_clock):
    """Where status and body are ignored, 401 equals 200."""
    shadow = HttpBackend(Service(httpx).client(), NEW)
    config = ShadowConfig(ignore=[IgnoreField.STATUS, IgnoreField.BODY, IgnoreField.HEADERS])
    async with shadowing(known, shadow, config) as shadower:
        await shadower.call(request())
    assert shadower.statistics().matched == 1
    assert shadower.scorecard().operations[0].compared == 0
    assert shadower.scorecard().withheld[0].calls == 1


async def test_it_survives_capture_and_a_comparison_in_another_process():
    large = b'{"error": "who?", "more": "' + b"x" * 9_000 + b'"}'
    shadow = HttpBackend(Service(httpx, (401, {"content-type": "application/json"}, large)).client(), NEW)
    config = ShadowConfig(capture=Capture(), large_body=1_000, shadow_timeout=60)
    async with ProcessComparer() as comparer, shadowing(known, shadow, config, comparer=comparer) as shadower:
        await (await shadower.call(request())).wait_settled()
    (record,) = shadower.divergences()
    assert record.withheld == ("authorization",)
    assert record.captured is not None
    assert shadower.scorecard().withheld[0].calls == 1


# ── the secondary, and the primary's own origin ─────────────────────────────────────────────────────────────────────

PAIRED = ShadowConfig(noise_rate=1)


async def test_a_secondary_without_credentials_makes_no_pair(library, autojump_clock):
    along = HttpBackend(Service(library).client(), NEW, credentials=["authorization"])
    twin = HttpBackend(Service(library).client(), "https://api.twin")
    async with shadowing(known, along, PAIRED, secondary=twin) as shadower:
        for _ in range(3):
            await shadower.call(request())
    found = shadower.scorecard(UNTIMED)
    (operation,) = found.operations
    assert (operation.compared, operation.pairs, operation.secondary_withheld) == (3, 0, 3)
    assert [(one.side, one.headers) for one in found.withheld] == [("secondary", ("authorization",))]
    assert found.reasons[0].startswith("(unnamed): 3 of 3 calls reached the secondary without authorization")


async def test_the_primarys_own_origin_gets_what_the_primary_gets(library, autojump_clock, caplog):
    old, new, again = (Service(library) for _ in range(3))
    primary, shadow = HttpBackend(old.client(), OLD), HttpBackend(new.client(), NEW)
    secondary = HttpBackend(again.client(), "https://API.old:443/v2")
    found = await withheld(primary, shadow, config=PAIRED, secondary=secondary)
    assert [one[0] for one in found] == ["shadow"]
    assert again.requests[0].headers["authorization"] == "Bearer s3cret"
    assert "authorization" not in new.requests[0].headers
    assert "api.old" not in caplog.text

    # It is so beside this primary: beside another it is another origin.
    assert [one[0] for one in await withheld(known, secondary)] == ["shadow"]


async def test_what_is_dropped_is_dropped_for_the_primarys_own_origin_too(autojump_clock):
    primary = HttpBackend(Service(httpx).client(), OLD)
    twin = HttpBackend(Service(httpx).client(), OLD, drop_headers=["authorization"])
    along = HttpBackend(Service(httpx).client(), NEW, credentials=["authorization"])
    ((side, _, remedy, _),) = await withheld(primary, along, config=PAIRED, secondary=twin)
    assert (side, remedy) == ("secondary", 'HttpBackend(drop_headers= without "authorization")')


async def test_a_transport_knows_the_origin_of_each_request(library, autojump_clock):
    old, new, again = (Service(library) for _ in range(3))
    shadower = Shadower(
        served_by_edge,
        HttpBackend(new.client()),
        ShadowConfig(noise_rate=1, view=lambda record: record.body),
        secondary=HttpBackend(again.client(), OLD),
    )
    transport = ShadowTransport(library.MockTransport(old), shadower=shadower, routes={OLD: NEW})
    async with shadower, library.AsyncClient(transport=transport) as client:
        assert (await client.get(f"{OLD}/me", headers=TOKEN)).status_code == 200
        await shadower.wait_idle()
        # With credentials that the old service does not know either, nothing is missing.
        old.knows = ()
        assert (await client.get(f"{OLD}/me", headers=TOKEN)).status_code == 401
        await shadower.wait_idle()
    found = [(one.operation, one.side, one.remedy, one.calls) for one in shadower.scorecard().withheld]
    assert found == [("GET /me", "shadow", NAMED, 1)]
