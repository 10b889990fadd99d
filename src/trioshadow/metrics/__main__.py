"""`python -m trioshadow.metrics > alerts.yml`: the alert rules, for Prometheus's `rule_files`."""

from __future__ import annotations

import sys
from importlib.resources import files

sys.stdout.write(files("trioshadow.metrics").joinpath("alerts.yml").read_text(encoding="utf-8"))
