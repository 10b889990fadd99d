"""Real frameworks without Trio, with a mirrored function in the background: Flask under gunicorn, whose workers are
forked, Django, and FastAPI on asyncio, under uvicorn too.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import fastapi
import flask
import httpx
import pytest

from trioshadow import ShadowConfig, Shadower, mirrored
from trioshadow.isolation import SyncBackend

from tests.support.accounts import counts
from tests.support.pages import blocks
from tests.support.portable import TOO_LONG

PATIENT = ShadowConfig(drain_timeout=TOO_LONG, shadow_timeout=TOO_LONG)


def mirrored_total():
    @mirrored(lambda amounts: round(sum(amounts), 2), PATIENT)
    def total(amounts):
        return sum(amounts)

    return total


def test_a_flask_view():
    total = mirrored_total()
    app = flask.Flask(__name__)

    @app.get("/total")
    def view():
        return {"total": total(flask.request.args.getlist("amount", float))}

    with total.mirroring().background() as background:
        client = app.test_client()
        assert client.get("/total?amount=0.5&amount=1").json == {"total": 1.5}
        assert client.get("/total?amount=0.1&amount=0.2").json == {"total": 0.1 + 0.2}
        assert background.wait_idle(TOO_LONG)
    assert counts(total.shadower) == {"matched": 1, "diverged": 1}


#: In a process of its own: what Django keeps of its settings answers to no attribute that others ask for.
DJANGO = """
import django, django.conf, django.http, django.test, django.urls
from trioshadow import mirrored

@mirrored(lambda amounts: round(sum(amounts), 2))
def total(amounts):
    return sum(amounts)

def view(request):
    return django.http.JsonResponse({"total": total([float(each) for each in request.GET.getlist("amount")])})

class Urls:
    urlpatterns = (django.urls.path("total", view),)

django.conf.settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="test", ROOT_URLCONF=Urls)
django.setup()
with total.mirroring().background() as background:
    client = django.test.Client()
    print(client.get("/total?amount=0.5&amount=1").json(), client.get("/total?amount=0.1&amount=0.2").json())
    background.wait_idle(20)
found = total.shadower.statistics()
print(found.matched, found.diverged)
"""


def test_a_django_view():
    done = subprocess.run([sys.executable, "-c", DJANGO], capture_output=True, timeout=TOO_LONG, check=True)
    assert done.stdout.decode().splitlines() == [str({"total": 1.5}) + " " + str({"total": 0.1 + 0.2}), "1 1"]


def test_fastapi_on_asyncio_with_endpoints_of_both_kinds_and_a_candidate_that_needs_asyncio():
    total = mirrored_total()

    async def old(amounts):
        await asyncio.sleep(0)
        return sum(amounts)

    async def new(amounts):
        await asyncio.sleep(0)
        return round(sum(amounts), 2)

    shadower = Shadower(old, SyncBackend(lambda amounts: asyncio.run(new(amounts))), PATIENT)
    app = fastapi.FastAPI()

    @app.get("/def")
    def in_a_thread(amount: float):
        return total([amount, 0.2])

    @app.get("/async")
    async def on_the_loop(amount: float):
        return (await shadower.call([amount, 0.2], key=b"k")).primary

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            return [(await client.get(f"/{kind}?amount=0.1")).json() for kind in ("def", "async")]

    with total.mirroring().background() as one, shadower.background() as other:
        assert asyncio.run(ask()) == [0.1 + 0.2] * 2
        assert one.wait_idle(TOO_LONG)
        assert other.wait_idle(TOO_LONG)
    assert counts(total.shadower) == counts(shadower) == {"diverged": 1}


APP = """
import os

import flask
from trioshadow import mirrored

@mirrored(lambda amounts: round(sum(amounts), 2))
def total(amounts):
    return sum(amounts)

background = total.mirroring().background()
background.start()
app = flask.Flask(__name__)

@app.get("/total")
def view():
    return {"total": total([0.1, 0.2]), "pid": os.getpid()}

@app.get("/counts")
def counts():
    background.wait_idle(5)
    found = total.shadower.statistics()
    return {"pid": os.getpid(), "diverged": found.diverged, "closed": found.closed, "calls": found.calls}
"""


@pytest.mark.slow
@pytest.mark.parametrize("preload", [True, False])
def test_flask_under_gunicorn_has_a_shadower_in_each_worker(tmp_path, preload):
    with tempfile.TemporaryDirectory() as short:  # the path of a socket has 107 characters
        _test_flask_under_gunicorn(tmp_path, preload, Path(short) / "shop.sock")


def _test_flask_under_gunicorn(tmp_path, preload, socket):
    (tmp_path / "shop.py").write_text(textwrap.dedent(APP))
    command = [sys.executable, "-m", "gunicorn", "--workers=2", "--threads=4", f"--bind=unix:{socket}", "shop:app"]
    log, environment = tmp_path / "log", {**os.environ, "HOME": str(socket.parent)}
    with log.open("wb") as stderr:
        server = subprocess.Popen(
            [*command, *["--preload"] * preload],
            cwd=tmp_path,
            stderr=stderr,
            env=environment,
        )
        try:
            transport = httpx.HTTPTransport(uds=str(socket))
            with httpx.Client(transport=transport, base_url="http://shop", timeout=TOO_LONG) as client:
                until(socket.exists)  # httpx does not close a socket that it could not connect
                for _ in range(100):
                    assert asked(client, "/total")["total"] == 0.1 + 0.2
                found = {}
                for _ in range(200):
                    counted = asked(client, "/counts")
                    found[counted["pid"]] = counted
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(TOO_LONG)
    assert os.getpid() not in found
    for counted in found.values():
        assert counted["calls"] == counted["diverged"] + counted["closed"]
        assert counted["diverged"] >= 1
    assert sum(counted["calls"] for counted in found.values()) >= 100
    assert "Traceback" not in log.read_text()


#: Beside the application of docs/threads.md: what is left when its lifespan is. At the interpreter's exit it would be
#: too late, since uvicorn ends itself by the signal that it got.
COUNTED = """
import json, pathlib

its_own = app.router.lifespan_context

@contextlib.asynccontextmanager
async def counting(app):
    async with its_own(app):
        yield
    found = shadower.statistics()
    counted = {name: getattr(found, name) for name in ("calls", "matched", "diverged", "in_flight")}
    pathlib.Path("counted").write_text(json.dumps(counted))

app.router.lifespan_context = counting
"""


@pytest.mark.slow
def test_the_fastapi_application_of_the_page_under_uvicorn_mirrors_each_call_and_is_drained_at_its_end(tmp_path):
    page = Path(__file__).parents[2] / "docs" / "threads.md"
    (block,) = [block for block in blocks(page) if "import fastapi" in block.source]
    (tmp_path / "shop.py").write_text(block.source.partition("# What a client of it sees:")[0] + COUNTED)
    with tempfile.TemporaryDirectory() as short, (tmp_path / "log").open("wb") as log:
        socket = Path(short) / "shop.sock"
        command = [sys.executable, "-m", "uvicorn", f"--uds={socket}", "shop:app"]
        server = subprocess.Popen(command, cwd=tmp_path, stderr=log)
        try:
            transport = httpx.HTTPTransport(uds=str(socket))
            with httpx.Client(transport=transport, base_url="http://shop", timeout=TOO_LONG) as client:
                until(socket.exists)
                for sku in ["sofa", "lamp", "desk"] * 10:
                    assert asked(client, f"/prices/{sku}") == {"price": 400}
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(TOO_LONG)
    found = (tmp_path / "log").read_text()
    assert "Application shutdown complete" in found
    assert "Traceback" not in found
    counted = json.loads((tmp_path / "counted").read_text())
    assert counted == {"calls": 30, "matched": 20, "diverged": 10, "in_flight": 0}


def asked(client, path):
    return json.loads(client.get(path, headers={"connection": "close"}).content)


def until(condition):
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + TOO_LONG
        time.sleep(0.02)
