"""The template of the route that served a request, such as `/users/{id}`, where the framework tells. Pure.

Starlette and FastAPI write the route into the scope; Quart has a map that can be asked.
"""

from __future__ import annotations

import re
from typing import Any

from trioshadow.http import template_path

from ._types import Scope

#: `{id:int}`, and `<int:id>` or `<id>`.
_CONVERTER = re.compile(r"\{([^{}:]+):[^{}]*\}")
_WERKZEUG = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")


def route_template(scope: Scope, app: Any, root_path: str) -> str | None:
    """What the router made of the request; None if nothing tells. `root_path` is where the app itself is mounted."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    if isinstance(path, str) and hasattr(route, "endpoint"):  # else it is a mount, whose app has named nothing
        # Of a mounted app the router knows the rest of the path only.
        mount = str(scope.get("root_path", "")).removeprefix(root_path)
        template = _CONVERTER.sub(r"{\1}", path)
        # What is left of the parameters is the mount's own.
        named = {f"{{{name}}}": str(value) for name, value in scope.get("path_params", {}).items()}
        names = {value: name for name, value in named.items() if name not in template}
        mount = "/".join([names.get(segment, segment) for segment in mount.split("/")])
        return template_path(mount) + template
    url_map = getattr(getattr(app, "__self__", app), "url_map", None)  # `app.asgi_app` is a method of the app
    if url_map is not None:
        rule, _ = url_map.bind("localhost").match(scope["path"], scope["method"], return_rule=True)
        return _WERKZEUG.sub(r"{\1}", rule.rule)
    return None
