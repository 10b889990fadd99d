"""Shadowing ASGI apps: a middleware that mirrors incoming requests, apps in this process as backends, and what a proxy
is made of.
"""

from __future__ import annotations

from ._backend import AsgiBackend
from ._forwarded import ForwardedHeaders
from ._middleware import ShadowMiddleware
from ._reverse_proxy import IncompleteResponse as IncompleteResponse
from ._reverse_proxy import ReverseProxy

__all__ = ["AsgiBackend", "ForwardedHeaders", "ReverseProxy", "ShadowMiddleware"]

# IncompleteResponse is in the reference all the same: one meets it as the cause of a failure, and does not catch it.
for _thing in [IncompleteResponse, *(globals()[_name] for _name in __all__)]:
    _thing.__module__ = "trioshadow.asgi"
