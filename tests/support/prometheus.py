"""A real Prometheus for the tests: Debian's, on loopback, and its promtool."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess

import httpx
import pytest
import trio

from tests.support.portable import TOO_LONG


def path_of(program):
    """Where it is. Without it the tests are skipped, but not in CI."""
    found = shutil.which(program)
    if found is None:
        told = f"needs {program}: apt-get install prometheus"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    return found


def promtool(*args, text=""):
    """What it says, if it is content."""
    ran = subprocess.run([path_of("promtool"), *map(str, args)], input=text, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


class Prometheus:
    """A running one, asked through its HTTP API."""

    def __init__(self, url):
        self._client = httpx.AsyncClient(base_url=url)

    async def aclose(self):
        await self._client.aclose()

    async def get(self, path, **params):
        response = await self._client.get(path, params=params)
        return response.raise_for_status().json()["data"]

    async def wait_ready(self):
        async def ready():
            try:
                return (await self._client.get("/-/ready")).is_success
            except httpx.TransportError:
                return False

        await self._until(ready)

    async def wait_for(self, query, wanted):
        """What a query gives, by the labels without those of the scrape, once `wanted(that)`."""
        found = {}

        async def asked():
            nonlocal found
            data = await self.get("/api/v1/query", query=query)
            found = {
                tuple(v for k, v in sorted(row["metric"].items()) if k not in ("__name__", "instance", "job")): float(
                    row["value"][1]
                )
                for row in data["result"]
            }
            return wanted(found)

        await self._until(asked)
        return found

    async def wait_for_rules(self):
        """All rules, once each was evaluated."""
        rules = []

        async def evaluated():
            nonlocal rules
            data = await self.get("/api/v1/rules")
            rules = [rule for group in data["groups"] for rule in group["rules"]]
            return rules and all(rule["health"] != "unknown" for rule in rules)

        await self._until(evaluated)
        return rules

    async def _until(self, condition):
        # There is no event to wait for: it scrapes when it likes, once in 0.1 s here.
        with trio.fail_after(TOO_LONG):
            while not await condition():
                await trio.sleep(0.05)


@contextlib.asynccontextmanager
async def prometheus(tmp_path, url, *rule_files):
    """One that scrapes `url` ten times a second, under these rules, with its data in `tmp_path`."""
    program = path_of("prometheus")
    with trio.socket.socket() as sock:  # it takes no port 0 that it would tell
        await sock.bind(("127.0.0.1", 0))
        address = "{}:{}".format(*sock.getsockname())
    config = {
        "global": {"scrape_interval": "100ms", "scrape_timeout": "100ms", "evaluation_interval": "100ms"},
        "rule_files": list(map(str, rule_files)),
        "scrape_configs": [{"job_name": "shop", "static_configs": [{"targets": [url.removeprefix("http://")]}]}],
    }
    file = tmp_path / "prometheus.yml"
    file.write_text(json.dumps(config))  # JSON is YAML
    promtool("check", "config", file)
    command = [
        *(program, f"--config.file={file}", f"--storage.tsdb.path={tmp_path / 'data'}"),
        *(f"--web.listen-address={address}", "--log.level=error"),
    ]
    async with trio.open_nursery() as nursery:
        process = await nursery.start(trio.run_process, command)
        server = Prometheus(f"http://{address}")
        try:
            await server.wait_ready()
            yield server
        finally:
            with trio.CancelScope(shield=True):
                await server.aclose()
                process.terminate()
                await process.wait()
