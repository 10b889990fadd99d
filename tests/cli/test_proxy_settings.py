"""What the proxy is told, checked: pure, but for the files that it reads."""

from __future__ import annotations

import errno
import json
import math
import os

import pytest

from trioshadow.cli.common.errors import CliError
from trioshadow.cli.common.options import names_of
from trioshadow.cli.common.reading import read_options
from trioshadow.cli.proxy.address import Address, address
from trioshadow.cli.proxy.options import ProxyOptions
from trioshadow.compare import IgnoreHeader, IgnorePath
from trioshadow.evidence import Objective
from trioshadow.http import HttpRequest

URLS = {"primary": "http://old:1", "shadow": "https://new/api"}


def error(options, file=None):
    with pytest.raises(CliError) as caught:
        read_options(ProxyOptions, options, file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def toml(tmp_path):
    def write(text):
        file = tmp_path / "proxy.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def test_two_urls_are_enough():
    settings = read_options(ProxyOptions, {**URLS, "sample": None, "ignore_path": None}, None)
    assert (settings.primary, settings.shadow) == ("http://old:1", "https://new/api")
    assert settings.listen == Address("127.0.0.1", 8080)
    config = settings.config()
    assert (config.sample_rate, config.shadow_timeout, config.ignore, config.key) == (1.0, 2.0, (), None)
    assert config.may_mirror is None
    assert (config.noise_rate, config.candidate) == (0.1, "")
    assert (settings.secondary, settings.objective()) == (None, Objective())


def test_what_is_the_shadowers_gets_there():
    settings = read_options(
        ProxyOptions,
        {
            **URLS,
            "sample": 0.5,
            "timeout": 3,
            "ignore_header": ("X-A",),
            "ignore_path": ["$..id"],
            "allow_method": ("POST",),
            "key_header": "X-User-Id",
            "drain": 1.5,
            "secondary": "http://old:2",
            "noise_rate": 1,
            "candidate": "new 2.0",
            "objective_rate": 0.01,
        },
        None,
    )
    config = settings.config()
    assert (config.sample_rate, config.shadow_timeout, config.drain_timeout) == (0.5, 3.0, 1.5)
    assert (config.noise_rate, config.candidate) == (1.0, "new 2.0")
    assert settings.objective() == Objective(max_rate=0.01)
    assert config.ignore == (IgnoreHeader("X-A"), IgnorePath("$..id"))
    assert config.key(HttpRequest("GET", "/", {"x-user-id": "7"})) == "7"
    assert config.may_mirror(HttpRequest("POST", "/"))
    assert not config.may_mirror(HttpRequest("PUT", "/"))


def test_options_win_over_the_file(toml):
    file = toml(
        'primary = "http://old:2"\nshadow = "http://new:2"\nsample = 0.25\nignore-header = ["X-A"]\nadmin = 9901\n'
    )
    settings = read_options(ProxyOptions, {"primary": "http://old:1", "sample": 0.5}, file)
    assert (settings.primary, settings.shadow, settings.sample) == ("http://old:1", "http://new:2", 0.5)
    assert (settings.ignore_header, settings.admin) == (("X-A",), Address("127.0.0.1", 9901))


def test_every_setting_can_stand_in_the_file(toml, tmp_path):
    (tmp_path / "x.pem").touch()
    path = tmp_path / "x.pem"
    values = {
        "primary": "http://a",
        "shadow": "http://b",
        "secondary": "http://a",  # asked twice
        "noise-rate": 0.5,
        "candidate": "b 2.0",
        "objective-rate": 0.02,
        "min-coverage": 0.5,
        "noise-margin": 0.5,
        "error-level": 0.01,
        "max-p99-ratio": 2,
        "max-p50-ratio": "none",
        "fast-enough": 0.1,
        "block-seconds": 10,
        "unverifiable-noise": 0.9,
        "min-keys": 7,
        "critical": ["POST /pay=0.0001"],
        "acknowledge": ["header etag"],
        "archive": str(tmp_path / "shadow.jsonl"),
        "capture": True,
        "listen": "[::1]:0",
        "sample": 0.5,
        "timeout": 1.5,
        "primary-timeout": 30,
        "ignore-header": ["a"],
        "ignore-path": ["$.a"],
        "rule": ["unordered $.a"],
        "decode": ["+a=json:loads"],
        "strict": True,
        "strict-errors": True,
        "exact-decimals": True,
        "allow-method": ["PUT"],
        "key-header": "x-u",
        "forward-credential": ["Cookie"],
        "allow-header": ["Accept", "X-User-*"],
        "drop-header": ["X-B3-*"],
        "breaker": True,
        "max-body": 10,
        "preserve-host": True,
        "trust-forwarded": True,
        "tls-cert": str(path),
        "tls-key": str(path),
        "ca-file": str(path),
        "drain": 0,
        "admin": "localhost:1",
    }
    assert set(values) == set(names_of(ProxyOptions).values())
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]  # of such values TOML has the same form
    settings = read_options(ProxyOptions, {}, toml("\n".join(lines)))
    assert settings == ProxyOptions(**{name.replace("-", "_"): value for name, value in values.items()})
    assert settings != ProxyOptions(**URLS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sampel = 1", "proxy.toml: there is no option 'sampel': did you mean 'sample'?"),
        ("ignore_path = []", "proxy.toml: there is no option 'ignore_path': did you mean 'ignore-path'?"),
        ("[proxy]\nsample = 1", "proxy.toml: there is no option 'proxy' (--help lists those there are)"),
        ("config = 'other.toml'", "proxy.toml: there is no option 'config'"),
        ("sample = '0.1'", "proxy.toml: sample must be a fraction from 0 to 1"),
        ('secondary = "http://a"\nnoise-rate = 2', "proxy.toml: noise-rate must be a fraction from 0 to 1"),
        ("noise-rate = 0.5", "proxy.toml: noise-rate is of no use without a secondary"),
        ("candidate = 2.0", "proxy.toml: candidate must be a text, not 2.0"),
        ("sample = true", "proxy.toml: sample must be a fraction from 0 to 1"),
        ("ignore-header = 'X-A'", "proxy.toml: ignore-header must be a list of texts, not 'X-A'"),
        ("ignore-path = [1]", "proxy.toml: ignore-path must be a text, not 1"),
        ("preserve-host = 'yes'", "proxy.toml: preserve-host must be true or false, not 'yes'"),
        ("max-body = 1.5", "proxy.toml: max-body must be a number of bytes"),
        ("tls-cert = 7", "proxy.toml: tls-cert must be a text, not 7"),
        ("archive = true", "proxy.toml: archive must be a text, not True"),
        ("listen = true", "proxy.toml: listen must be a text, not True"),
        (f"timeout = 1{'0' * 400}", "proxy.toml: timeout must be seconds above 0, not 1000"),
        ("timeout = 0", "proxy.toml: timeout must be seconds above 0, not 0"),
        ("drain = '1'", "proxy.toml: drain must be seconds, 0 or more, not '1'"),
        (
            "max-p99-ratio = 0.5",
            "proxy.toml: max-p99-ratio must be a ratio in [1, inf) or none, not 0.5",
        ),
        ("tls-key = '/dev/null'", "proxy.toml: tls-key is of no use without a certificate"),
        ("listen = ", "--config"),
        (b"\xff", "proxy.toml is no TOML: "),
    ],
)
def test_what_is_wrong_in_the_file_is_named(text, words, toml):
    assert words in error(URLS, toml(text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert (
        error(URLS, tmp_path / "no.toml") == f"--config can't be read: {tmp_path}/no.toml: {os.strerror(errno.ENOENT)}"
    )


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("primary", None, "--primary is missing: the URL of the primary"),
        ("shadow", None, "--shadow is missing: the URL of the shadow"),
        ("primary", "old:1", "--primary must be a URL such as http://127.0.0.1:8000, not 'old:1'"),
        ("shadow", "http://new:99999", "--shadow must be a URL"),
        ("shadow", "http://new?q=1", "--shadow must be a URL"),
        ("primary", "http://u:pw@old", "--primary must have no user and password"),
        ("listen", "8080x", "--listen must be HOST:PORT"),
        ("listen", ":8080", "--listen must be HOST:PORT"),
        ("listen", "127.0.0.1:65536", "--listen must be HOST:PORT"),
        ("listen", "::1:8080", "--listen must have the brackets of an IPv6 address, as in [::1]:8080, not '::1:8080'"),
        ("sample", 1.5, "--sample must be a fraction from 0 to 1 (0.1 mirrors one request in ten), not 1.5"),
        ("sample", math.nan, "--sample must be a fraction"),
        ("secondary", "old:1", "--secondary must be a URL such as http://127.0.0.1:8000, not 'old:1'"),
        ("noise_rate", 1.5, "--noise-rate must be a fraction from 0 to 1 (0.1 sends it one mirrored request in ten), "),
        ("noise_rate", 0.5, "--noise-rate is of no use without a secondary"),
        ("candidate", "", "--candidate must be a text, not ''"),
        ("objective_rate", 0.0, "--objective-rate must be a fraction in [1e-9, 1), not 0.0"),
        ("objective_rate", 1.0, "--objective-rate must be a fraction in [1e-9, 1)"),
        ("objective_rate", math.nan, "--objective-rate must be a fraction"),
        ("timeout", 0.0, "--timeout must be seconds above 0, not 0.0"),
        ("timeout", math.inf, "--timeout must be seconds"),
        ("primary_timeout", -1.0, "--primary-timeout must be seconds above 0"),
        ("drain", -1.0, "--drain must be seconds, 0 or more, not -1.0"),
        ("drain", math.nan, "--drain must be seconds"),
        ("max_body", -1, "--max-body must be a number of bytes from 0 to 2147483646"),
        ("max_body", 2**31, "--max-body must be a number of bytes"),
        ("ignore_path", ("$..[",), "--ignore-path can't be used: "),
        ("ignore_path", ("",), "--ignore-path must be a text"),
        ("rule", ("only $.a", "only $.b"), "--rule can't be used: ignore takes one Only rule"),
        ("allow_method", ("PO ST",), "--allow-method must be a name as HTTP allows it, not 'PO ST'"),
        ("key_header", "x y", "--key-header must be a name"),
        ("forward_credential", ("a:b",), "--forward-credential must be a name"),
        ("tls_cert", "/no/such.pem", "--tls-cert can't be read: /no/such.pem: " + os.strerror(errno.ENOENT)),
        ("ca_file", "/", "--ca-file can't be read: /: " + os.strerror(errno.EISDIR)),
        ("tls_key", "/dev/null", "--tls-key is of no use without a certificate (tls-cert)"),
        ("admin", "0.0.0.0:9901", "--admin must be on loopback, as in 127.0.0.1:9901, not '0.0.0.0:9901'"),
        ("admin", "example.com:9901", "--admin must be on loopback"),
        ("admin", "nine", "--admin must be HOST:PORT"),
    ],
)
def test_what_can_not_be_meant_is_one_line_with_its_option(option, value, words):
    assert words in error({**URLS, option: value})


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080"),
        ("[::1]:0", "::1", 0, "[::1]:0"),
        ("9901", "127.0.0.1", 9901, "127.0.0.1:9901"),
        (9901, "127.0.0.1", 9901, "127.0.0.1:9901"),
        ("example.com:80", "example.com", 80, "example.com:80"),
    ],
)
def test_addresses_are_read_as_people_write_them(text, host, port, shown):
    found = address(text)
    assert (found.host, found.port, str(found)) == (host, port, shown)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_known(host):
    assert Address(host, 1).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example.com"])
def test_other_addresses_are_not_loopback(host):
    assert not Address(host, 1).is_loopback


def test_an_archive_that_cannot_be_is_refused_before_anything_listens(tmp_path):
    urls = {"primary": "http://127.0.0.1:1", "shadow": "http://127.0.0.1:2"}
    for options, words in (
        ({"archive": tmp_path / "no" / "a"}, "--archive must be a file in a directory that is there"),
        ({"archive": tmp_path}, "--archive must be a regular file"),
        ({"capture": True}, "--capture is of no use without an archive"),
        ({"acknowledge": ("price",)}, "--acknowledge must be a field as the report names it"),
        ({"max_p99_ratio": "fast"}, "--max-p99-ratio must be a ratio in [1, inf)"),
    ):
        assert words in error({**urls, **options})
