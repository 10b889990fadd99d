"""What the program is called, to those who called it."""

from __future__ import annotations

import sys
from pathlib import Path


def program() -> str:
    """`trioshadow`, or `python -m trioshadow` if it was called like that: the script may not be on the PATH."""
    return "trioshadow" if Path(sys.argv[0]).stem == "trioshadow" else "python -m trioshadow"
