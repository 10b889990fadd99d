"""From traffic to a decision and back: the proxy writes an archive, a report reads it, and what differed is replayed
against the next version. Between real services on loopback.
"""

from __future__ import annotations

import json
import sys

import httpx
import pytest

from tests.support.commands import run, run_async
from tests.support.http_servers import service, services
from tests.support.proxies import proxy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


async def test_what_the_proxy_found_is_reported_and_replayed_against_the_next_version(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive = tmp_path / "shadow.jsonl"
    options = ("--archive", archive, "--capture", "--candidate", "shop 2.0", "--allow-method", "POST")
    options += ("--forward-credential", "Authorization")
    async with (
        services(service(1), service(2)) as (old, new),
        proxy(old, new, *options) as running,
        httpx.AsyncClient() as client,
    ):
        for number in range(8):
            await client.get(f"{running.url}/users/{number}?page=1", headers={"authorization": "Bearer hush"})
        await client.get(f"{running.url}/users/9?token=hush")
        await client.post(running.url + "/users", content=b"\x00\xff body")
        assert "shop 2.0: HOLD" in await running.end()  # ten calls within a second are not enough to reject
    assert b"hush" not in archive.read_bytes()
    assert archive.stat().st_mode & 0o777 == 0o600

    told = json.loads(run("report", archive, "--json").stdout)
    assert (told["decision"], told["calls"], told["epoch"]["candidate"]) == ("hold", 10, "shop 2.0")
    names = {one["operation"]: (one["fields"], one["calls"]) for one in told["differences"]}
    assert names == {"GET /users/{id}": (["$.price"], 9), "POST /users": (["$.price"], 1)}
    shown = run("report", archive, "--acknowledge", "$.price", "--max-p99-ratio", "none").stdout
    assert "$.price: acknowledged" in shown

    mended = []
    async with services(service(1), service(1, mended)) as (old, new):
        mild = ("--objective-rate", "0.5", "--max-p99-ratio", "none", "--allow-method", "POST")
        urls = ("--primary", old, "--shadow", new, "--timeout", "100")
        done = await run_async("replay", archive, *urls, *mild, "--candidate", "shop 2.1", COLUMNS="80")
    assert done.returncode == 3, done.stderr
    printed = done.stdout
    assert "  matched              9\n  diverged             0\n" in printed
    assert "shop 2.1: HOLD" in printed  # the one POST is too few
    assert "1 line skipped:\n  masked " in printed  # a request without its token is another
    assert sorted((method, path) for method, path, _ in mended) == [
        *(("GET", f"/users/{number}") for number in range(8)),
        ("POST", "/users"),
    ]
    assert not any("authorization" in headers for _, _, headers in mended)
