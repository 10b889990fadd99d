"""The command line of a class of options, and its help, as cyclopts takes them: in the signature of a function.

cyclopts could fill the class itself, and read the file too. But then all that a file says are texts, so that the wrong
type passes (`sample = "0.1"`), and no error could say where a value came from.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, TypeVar

import attrs
from cyclopts import Group, Parameter

from .options import Kind, Option, Panel, default_shown, option_of
from .reading import read_options

_Options = TypeVar("_Options", bound=attrs.AttrsInstance)
_Returned = TypeVar("_Returned")

_CONFIG = Parameter(
    name=("--config", "-c"),
    metavar="FILE",
    help=(
        'TOML file with these options by their long names, such as sample = 0.1 or ignore-path = ["$.id"]. The command '
        "line takes precedence over the file, and the file over the defaults."
    ),
    group=Group("Configuration", sort_key=-1),
    show_default=False,
)


def takes(
    options: type[_Options], *, config: bool = False, notes: Mapping[Panel, str] | None = None
) -> Callable[[Callable[[_Options], _Returned]], Callable[..., _Returned]]:
    """Make a command of a function of its options, sync or async. What the function's docstring says is the help.

    `config`: can the options be in a file too? `notes`: what the help says of a panel.
    """
    signature = _signature(options, config=config, notes=notes or {})

    def read(args: tuple[object, ...], kwargs: dict[str, object]) -> _Options:
        said = signature.bind(*args, **kwargs).arguments
        return read_options(options, said, said.pop("config", None)) if config else read_options(options, said)

    def decorate(function: Callable[[_Options], Any]) -> Any:
        def run(*args: object, **kwargs: object) -> Any:
            return function(read(args, kwargs))

        async def run_async(*args: object, **kwargs: object) -> Any:
            return await function(read(args, kwargs))

        # cyclopts asks the command, not what it returns, whether it is to be awaited.
        command: Any = run_async if inspect.iscoroutinefunction(function) else run
        command.__name__ = function.__name__
        command.__doc__ = _flowing(function.__doc__ or "")
        if any(option_of(field).panel and option_of(field).kind.many for field in attrs.fields(options)):
            command.__doc__ += "\n\nAn option with ... can be given several times."
        command.__signature__ = signature
        return command

    return decorate


def _signature(options: type[attrs.AttrsInstance], *, config: bool, notes: Mapping[Panel, str]) -> inspect.Signature:
    groups = {panel: Group(panel.value, help=notes.get(panel, ""), sort_key=place) for place, panel in enumerate(Panel)}
    arguments, named = [], []
    for field in attrs.fields(options):
        option = option_of(field)
        if option.panel is None:
            arguments.append(_argument(field.name, option.kind, option.help))
        else:
            named.append(_option(field, option, groups[option.panel]))
    if config:
        named.append(_parameter("config", Path, _CONFIG))
    return inspect.Signature([*arguments, *named])


def _argument(name: str, kind: Kind, about: str) -> inspect.Parameter:
    place = inspect.Parameter.VAR_POSITIONAL if kind.many else inspect.Parameter.POSITIONAL_ONLY
    return inspect.Parameter(name, place, annotation=Annotated[kind.type, Parameter(name=kind.metavar, help=about)])


def _option(field: attrs.Attribute[Any], option: Option, group: Group) -> inspect.Parameter:
    kind, required = option.kind, field.default is attrs.NOTHING
    default = default_shown(field)
    described = Parameter(
        name=(f"--{field.name.replace('_', '-')}", *filter(None, [option.short])),
        metavar=kind.metavar + "..." * kind.many,
        # That it is required is said here and not asked there: it may be in the file.
        help=option.help + (" [required]" if required else ""),
        group=group,
        show_default=(lambda _: default) if default else False,
        negative="",
        consume_multiple=False,
    )
    return _parameter(field.name, GenericAlias(tuple, (kind.type, ...)) if kind.many else kind.type, described)


def _parameter(name: str, value: Any, described: Parameter) -> inspect.Parameter:
    """One whose value is None if the command line does not have it: what that means is not known here."""
    annotation = Annotated[value | None, described]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _flowing(text: str) -> str:
    """With each paragraph on one line, for the console to break it; examples, which are indented, as they are."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(each if each.startswith(" ") else " ".join(each.split()) for each in paragraphs)
