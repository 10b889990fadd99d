"""`trioshadow plan`, in this process."""

from __future__ import annotations

import json

import pytest

from tests.support.commands import run


def test_it_says_how_long_it_takes_and_what_a_noise_rate_costs():
    done = run("plan", "--rate", "50", "--noise", "0.01", "--excess", "0.02", "--operation", "GET /users/{id}=0.96")
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("GET /users/{id} (96%), 0.25% allowed", "identical: clean", "hours", "bad: REJECT", "minutes"):
        assert words in done.stdout
    assert "A noise rate of 0.1 costs 10.0 times the calls that 1 takes." in done.stdout
    assert "There can be no PROMOTE" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_what_can_not_be_met_is_said_and_what_never_comes():
    done = run("plan", "--noise", "0.1", "--noise-rate", "0", "--critical", "POST /pay", "--operation", "GET /=1")
    assert done.returncode == 0
    assert "never" in done.stdout
    words = " ".join(done.stdout.split())
    assert "There can be no PROMOTE: POST /pay is critical, and no share of the calls is its" in words
    assert "costs" not in done.stdout


def test_as_json_it_is_strict():
    done = run("plan", "--json", "--noise", "0.1", "--noise-rate", "0")
    told = json.loads(done.stdout, parse_constant=lambda constant: pytest.fail(constant))
    (one,) = told["operations"]
    assert one["clean"] == {"calls": None, "seconds": None}
    assert one["rejected"]["seconds"] > 0
    assert len(told["problems"]) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rate", "0"), "--rate must be calls per second above 0, not 0.0"),
        (("--sample", "0"), "--sample must be a fraction above 0 and up to 1, not 0.0"),
        (("--operation", "GET /"), "--operation must be an operation and its fraction of the calls"),
        (("--operation", "a=0.9", "--operation", "b=0.9"), "--operation: operations must be fractions of all calls"),
    ],
)
def test_wrong_use_is_one_line(options, words):
    done = run("plan", *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert words in done.stderr
