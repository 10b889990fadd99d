"""Shadowing over HTTP: requests and backends for a Shadower, and a transport that mirrors an app's own calls."""

from __future__ import annotations

from trioshadow.compare import SENSITIVE as CREDENTIALS

from ._answer import MAX_BODY_BYTES as MAX_BODY_BYTES
from ._answer import checked_body_limit as checked_body_limit
from ._answer import record_of as record_of
from ._backend import HttpBackend
from ._edge import AnyLeg as AnyLeg
from ._edge import AnyShadower as AnyShadower
from ._edge import Edge as Edge
from ._edge import Exchange as Exchange
from ._edge import served_by_edge
from ._fields import MARK as MARK
from ._fields import RawHeaders as RawHeaders
from ._fields import with_one_cookie as with_one_cookie
from ._fields import without_hop_by_hop as without_hop_by_hop
from ._header_lists import HeaderLists as HeaderLists
from ._lack import Causes as Causes
from ._lack import lacking as lacking
from ._lack import refusal_by as refusal_by
from ._lack import remedy_in_code as remedy_in_code
from ._operations import OperationNames as OperationNames
from ._operations import template_path as template_path
from ._request import SAFE_METHODS as SAFE_METHODS
from ._request import HttpRequest, allow_methods, key_cookie, key_header
from ._transport import ShadowTransport
from ._urls import checked_base_url as checked_base_url
from ._urls import on_the_wire as on_the_wire
from ._urls import origin_of as origin_of

# The names that are not in this list are for the other rooms of the package.
__all__ = [
    "CREDENTIALS",
    "HttpBackend",
    "HttpRequest",
    "ShadowTransport",
    "allow_methods",
    "key_cookie",
    "key_header",
    "served_by_edge",
]

for _thing in [globals()[_name] for _name in __all__]:
    if isinstance(_thing, type):
        _thing.__module__ = "trioshadow.http"
