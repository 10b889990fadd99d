"""Decoders for `ShadowConfig(decoders=...)` over libraries that are extras: multipart bodies and XML.

None of them is used unless you name it: a machine on which the extra is missing would decide otherwise.
"""

from __future__ import annotations

from .multiparts import multipart as multipart
from .xmls import xml as xml

__all__ = ["multipart", "xml"]

for _function in (multipart, xml):
    _function.__module__ = "trioshadow.compare.readings"
