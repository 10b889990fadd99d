"""ShadowConfig: its defaults, what it refuses, and its fingerprint. Pure."""

from __future__ import annotations

import fractions
import math
import os
import subprocess
import sys

import attrs
import pytest

from trioshadow import IgnoreField, ShadowConfig
from trioshadow.compare import VOLATILE_HEADERS


def test_the_defaults():
    config = ShadowConfig()
    assert config == ShadowConfig.full_sample()
    assert attrs.asdict(config, filter=lambda field, _: field.init) == {
        "sample_rate": 1.0,
        "shadow_timeout": 2.0,
        "ignore": (),
        "max_step": 0.1,
        "max_in_flight": 256,
        "max_in_flight_bytes": 256 * 1024**2,
        "max_copied_bytes": 512 * 1024,
        "large_body": 512 * 1024,
        "drain_timeout": 5.0,
        "seed": 0,
        "context": None,
        "key": None,
        "view": None,
        "copy_request": None,
        "compare": None,
        "ignore_if": None,
        "strict": False,
        "strict_errors": False,
        "exact_decimals": False,
        "error_fields": (),
        "error_view": None,
        "max_changes": 100,
        "decode": True,
        "decoders": (),
        "may_mirror": None,
        "threads": False,
        "noise_rate": 0.1,
        "candidate": "",
        "capture": None,
    }
    assert hash(config) == hash(ShadowConfig())
    assert ShadowConfig(ignore=[IgnoreField.BODY]).ignore == (IgnoreField.BODY,)
    assert type(ShadowConfig(shadow_timeout=fractions.Fraction(1, 2)).shadow_timeout) is float
    assert ShadowConfig(shadow_timeout=math.inf, drain_timeout=0).shadow_timeout == math.inf


@pytest.mark.parametrize(
    ("parameter", "value", "error", "message"),
    [
        ("sample_rate", 10, ValueError, r"sample_rate must be a fraction in \[0, 1\] .*, not 10"),
        ("sample_rate", -0.1, ValueError, "sample_rate must be a fraction"),
        ("sample_rate", math.nan, ValueError, "sample_rate must be a fraction .* not nan"),
        ("sample_rate", "0.1", TypeError, "sample_rate must be a number, not str"),
        ("sample_rate", True, TypeError, "sample_rate must be a number, not bool"),
        ("shadow_timeout", 0, ValueError, r"shadow_timeout must be seconds in \(0, inf\], not 0"),
        ("shadow_timeout", 10**400, ValueError, r"shadow_timeout must be seconds in \(0, inf\], not 10000"),
        ("shadow_timeout", -1, ValueError, "shadow_timeout must be seconds"),
        ("shadow_timeout", math.nan, ValueError, "shadow_timeout must be seconds"),
        ("shadow_timeout", None, TypeError, "shadow_timeout must be a number, not NoneType"),
        ("drain_timeout", -1, ValueError, r"drain_timeout must be seconds in \[0, inf\], not -1"),
        ("drain_timeout", math.nan, ValueError, "drain_timeout must be seconds"),
        ("max_in_flight", 0, ValueError, r"max_in_flight must be a count in \[1, inf\), not 0"),
        ("max_in_flight", 2.5, TypeError, "max_in_flight must be an int, not float"),
        ("max_in_flight", math.inf, TypeError, "max_in_flight must be an int, not float"),
        ("seed", -1, ValueError, r"seed must be an int in \[0, 2\*\*32\), not -1"),
        ("seed", 2**32, ValueError, "seed must be an int in"),
        ("seed", "x", TypeError, "seed must be an int, not str"),
        ("ignore", ["body"], TypeError, "ignore takes IgnoreField members and rules of trioshadow.compare, not str"),
        (
            "ignore",
            IgnoreField.BODY,
            TypeError,
            "ignore takes several rules, as in .*, not <IgnoreField.BODY",
        ),
        ("ignore", "body", TypeError, "ignore takes several rules"),
        ("ignore", [VOLATILE_HEADERS], TypeError, r"not collections of them: write \[\*VOLATILE_HEADERS, ...\]"),
        ("compare", 3, TypeError, "compare must be a function, not int"),
        ("strict", 1, TypeError, "strict must be a bool, not int"),
        ("exact_decimals", 1, TypeError, "exact_decimals must be a bool, not int"),
        ("strict_errors", None, TypeError, "strict_errors must be a bool, not NoneType"),
        ("decode", "no", TypeError, "decode must be a bool, not str"),
        ("max_changes", 0, ValueError, r"max_changes must be a count in \[1, inf\), not 0"),
        ("decoders", {"json": len}, ValueError, r"a content type must be 'type/subtype' or '\+suffix', not 'json'"),
        ("decoders", {3: len}, TypeError, "decoders: a content type must be a str, not int"),
        ("decoders", {"+cbor": 3}, TypeError, r"decoders: for '\+cbor' there must be a function, not int"),
        ("key", 3, TypeError, "key must be a function, not int"),
        ("view", 3, TypeError, "view must be a function, or a pair of them .*, not 3"),
        ("view", (len,), TypeError, "view must be a function, or a pair of them"),
        ("view", (len, 3), TypeError, "view must be a function, or a pair of them"),
        ("copy_request", "x", TypeError, "copy_request must be a function, not str"),
    ],
)
def test_bad_configuration_is_named(parameter, value, error, message):
    with pytest.raises(error, match=message):
        ShadowConfig(**{parameter: value})


def test_a_configuration_takes_keywords_only():
    with pytest.raises(TypeError):
        ShadowConfig(0.5)  # type: ignore[misc]


def test_a_lambda_has_the_same_fingerprint_in_each_process():
    program = (
        "from trioshadow import ShadowConfig; "
        "print(ShadowConfig(view=lambda r: r in {'a', 'b', 'c', 'd'} or (lambda: {'x', 'y', 'z'})).fingerprint)"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in "01234"
    }
    assert len(told) == 1
