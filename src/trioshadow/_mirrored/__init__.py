"""Drop-in functions: `mirrored(new)` makes of the old function one that is called as before, and mirrored.

A library swap in one line, at the definition: no caller changes. For streams and generators there is
`Shadower.start()`.
"""

from __future__ import annotations

from .arguments import Arguments
from .decorator import MirroredFunction, mirrored
from .mirroring import Mirroring

__all__ = ["Arguments", "MirroredFunction", "Mirroring", "mirrored"]
