"""Sphinx: `sphinx-build -W -n -b html docs docs/_build/html`. Needs no network."""

from __future__ import annotations

import pkgutil
import re
from importlib.metadata import version as version_of
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import trioshadow
import trioshadow.archive
import trioshadow.asgi
import trioshadow.evidence
import trioshadow.guard
import trioshadow.http
import trioshadow.isolation
import trioshadow.metrics
import trioshadow.testing

project = "trioshadow"
author = "the trioshadow authors"
release = version_of("trioshadow")
version = ".".join(release.split(".")[:2])

# sphinxcontrib_trio shows which methods are async.
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinxcontrib_trio"]
exclude_patterns = ["_build"]
PACKAGES = (
    trioshadow,
    trioshadow.compare,
    trioshadow.evidence,
    trioshadow.http,
    trioshadow.asgi,
    trioshadow.archive,
    trioshadow.guard,
    trioshadow.isolation,
    trioshadow.testing,
    trioshadow.metrics,
)

html_theme = "furo"
html_title = f"trioshadow {release}"

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

# Docstrings are written for `help()`: one backtick is code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_type_aliases = {
    name: f"trioshadow.{name}"
    for name in (
        "BackendLike",
        "Background",
        "Decoder",
        "Headers",
        "HeadersLike",
        "Rule",
        "SamplingKey",
        "SinkTarget",
        "View",
    )
} | {
    "App": "trioshadow.asgi.App",
    "Side": "trioshadow.testing.Side",
    "Mirroring": "trioshadow.Mirroring",
    "Decorator": "Callable",  # of anything that is called, and typed for each kind of it
    "Configured": "trioshadow.ShadowConfig",  # what compares knows of it
    "ShadowerOptions": "trioshadow.Shadower",  # which says what they are
}

# No intersphinx: the build needs no network, so the names of others stay plain text. `-n` still finds every broken
# reference to a name of ours.
nitpick_ignore_regex = [
    ("py:class", "ShadowerOptions"),  # Sphinx does not look for aliases inside an Unpack
    ("py:.*", r"(trio|httpx|hypothesis|attrs|enum|abc|collections|contextlib|pathlib|typing|types|uuid)\..*"),
    # The standard library again, where Sphinx shows names without their module.
    ("py:.*", r"[a-z]+|[A-Z]\w*(Error|Exception|Warning)|None|BaseException|Exception|Any|Self|UUID|TracebackType"),
    (
        "py:.*",
        r"(Awaitable|Callable|Iterable|Iterator|Mapping|Sequence|Path|AbstractContextManager|AbstractAsyncContextManager|MemoryReceiveChannel)",
    ),
    ("py:.*", r"SearchStrategy"),
    # ASGI's own.
    ("py:.*", r"Scope|Receive|Send"),
    # OpenTelemetry's.
    ("py:.*", r"(Meter|Tracer)Provider"),
    # Type variables have no page of their own.
    ("py:.*", r"(trioshadow\.[\w.]+\.)?_?(P|R|(Request|Response|Primary|Shadow|R)T?(_co|_contra)?)(\.args|\.kwargs)?"),
]


def _find_field_docs() -> None:
    """Let autodoc find the docstrings of fields.

    The public classes say that they live in `trioshadow`, `trioshadow.compare` and so on, where autodoc then looks, and
    their sources do not.
    """
    for package in PACKAGES:
        face = ModuleAnalyzer.for_module(package.__name__)
        face.analyze()
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.ispkg or not found.name.startswith(f"{package.__name__}._"):
                continue
            if found.name.endswith(".__main__"):  # to look at it is to run it
                continue
            room = ModuleAnalyzer.for_module(found.name)
            room.analyze()
            for table in ("attr_docs", "annotations", "tagorder", "overloads"):
                getattr(face, table).update(getattr(room, table))


def _show_indented_as_code(*told: Any) -> None:
    """Make code of indented blocks, as `help()` shows them; in reStructuredText they would be quotations."""
    lines: list[str] = told[-1]
    out: list[str] = []
    above = ""  # the last line that is not blank
    for line in lines:
        if line.startswith("    ") and out and not out[-1].strip() and not above.startswith((" ", "-", "*")):
            out += ["::", ""]
        out.append(line)
        above = line if line.strip() else above
    lines[:] = out


def _leave_bars_alone(*told: Any) -> None:
    """Show `|a - b|` as it is, in reStructuredText a substitution; not in code, which has no substitutions."""
    lines: list[str] = told[-1]
    for number, line in enumerate(lines):
        if not line.startswith((" ", ">>>")):
            parts = line.split("`")
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[number] = "`".join(parts)


def _plain_signature(*told: Any) -> tuple[str | None, str | None]:
    """Show aliases by their names, and defaults as one would write them."""

    def plain(text: str | None) -> str | None:
        if text is None:
            return None
        text = re.sub(r"TypeAliasForwardRef\('([\w.]+)'\)", r"~\1", text)
        text = re.sub(r"ShadowConfig\(sample_rate=.*?may_mirror=None\)", "ShadowConfig()", text)
        return text.replace("= NOTHING", "= ...").replace("(*args, **kwargs)", "")

    signature, returns = told[-2:]
    return plain(signature), plain(returns)


def _public_name(app: Sphinx, env: Any, node: Any, contnode: Any) -> Any:
    """Find the public class where an annotation names the private module that it was written in, or none."""
    target = node.get("reftarget", "")
    name = target.rpartition(".")[2]
    for package in PACKAGES:
        if name in package.__all__ and (name == target or target.startswith("trioshadow.")):
            return env.domains["py"].resolve_xref(
                env, node["refdoc"], app.builder, node["reftype"], f"{package.__name__}.{name}", node, contnode
            )
    return None


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    _find_field_docs()
    app.connect("autodoc-process-docstring", _show_indented_as_code)
    app.connect("autodoc-process-docstring", _leave_bars_alone)
    app.connect("autodoc-process-signature", _plain_signature)
    app.connect("missing-reference", _public_name)
