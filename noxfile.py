"""All that is run on this project: `nox -l` lists it."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path

import nox
from packaging.requirements import Requirement  # nox needs it too

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["tests", "lint", "typing", "docs"]
nox.options.error_on_missing_interpreters = False  # they are skipped, with a word
nox.options.reuse_venv = "yes"

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)  # from the classifiers

#: All of them, as pip wants them.
EXTRAS = ",".join(PYPROJECT["project"]["optional-dependencies"])

#: Tests in parallel, one that takes long not last.
PARALLEL = ("--numprocesses=auto", "--dist=worksteal")

#: What somebody runs who changes something: some two minutes.
QUICK = (*PARALLEL, "-m", "not slow")

#: What `python -m trioshadow` adds to the core; the coverage of the core is counted without it.
CLI = "*/trioshadow/cli/*,*/trioshadow/__main__.py"

#: Packages that ship JSON, in two versions: the primary's and the shadow's. Read as the zip files that wheels are.
PAIRS = {"pycountry": ("23.12.11", "26.2.16"), "license-expression": ("30.3.0", "30.4.4")}

# pyenv's shims answer only for versions that are switched on: switch on all that are there.
PYENV = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
if not PYENV.is_dir() and (shim := shutil.which("pyenv")):
    PYENV = Path(shim).resolve().parents[1] / "versions"
if PYENV.is_dir() and "PYENV_VERSION" not in os.environ:
    os.environ["PYENV_VERSION"] = ":".join(sorted((path.name for path in PYENV.iterdir()), reverse=True))


def install(session: nox.Session, *groups: str) -> None:
    """The project with all extras, as it lies here, and the requirements of these dependency groups."""
    session.install("-q", "-e", f".[{EXTRAS}]", *nox.project.dependency_groups(PYPROJECT, *groups))


def floors_of(*groups: str) -> list[str]:
    """Our requirements and those of these dependency groups, each with the lowest version that it allows."""
    project = PYPROJECT["project"]
    stated = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    lowest = []
    for line in (*stated, *nox.project.dependency_groups(PYPROJECT, *groups)):
        requirement = Requirement(line)
        bounds = [each.version for each in requirement.specifier if each.operator == ">="]
        if bounds:  # our own extras have none
            lowest.append(f"{requirement.name}=={bounds[0]}")
    return lowest


def pairs(session: nox.Session) -> dict[str, str]:
    """The wheels of `PAIRS`, downloaded once: as the environment variable that says where they are."""
    directory = session.cache_dir / "pairs"
    for number, side in enumerate(("primary", "shadow")):
        wanted = {package: versions[number] for package, versions in PAIRS.items()}
        wheels = [f"{package.replace('-', '_')}-{version}-*.whl" for package, version in wanted.items()]
        if all(any((directory / side).glob(wheel)) for wheel in wheels):
            continue
        shutil.rmtree(directory / side, ignore_errors=True)  # of each package one version lies there
        session.run(
            *("python", "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"),
            *("-d", str(directory / side), *(f"{package}=={version}" for package, version in wanted.items())),
        )
    return {"TRIOSHADOW_PAIRS": str(directory)}


@nox.session
def tests(session: nox.Session) -> None:
    """Test with the Python that runs nox, in parallel: all but what is slow. Arguments go to pytest instead."""
    install(session, "tests")
    session.run("pytest", *(session.posargs or QUICK), env=pairs(session))


@nox.session(python=PYTHONS)
def tests_all(session: nox.Session) -> None:
    """Test with each Python that is there. On the oldest everything, with coverage, which must be 100 % of the core; on
    the others the quick tests: what slow tests alone would show on one of them takes seven minutes each. Arguments go
    to pytest instead, as `-m slow --hypothesis-profile=long` in a quiet hour.
    """
    install(session, "tests")
    env = pairs(session)
    if session.python != PYTHONS[0] or session.posargs:  # a part of the tests covers a part of the code
        session.run("pytest", *(session.posargs or QUICK), env=env)
        return
    env["COVERAGE_FILE"] = str(Path(session.create_tmp(), ".coverage"))
    session.run("coverage", "erase", env=env)
    session.run("coverage", "run", "-m", "pytest", *PARALLEL, env=env)
    session.run("coverage", "combine", "-q", env=env)
    session.run("coverage", "report", f"--omit={CLI}", "--fail-under=100", env=env)
    session.run("coverage", "report", f"--include={CLI}", env=env)


@nox.session
def floors(session: nox.Session) -> None:
    """Test as `tests` does, with the lowest version of each requirement. Without the evidence, which imports attrs
    alone. Arguments go to pytest instead.
    """
    session.install("-q", "-e", f".[{EXTRAS}]", *floors_of("tests"))
    session.run("pytest", *(session.posargs or (*QUICK, "--ignore=tests/evidence")), env=pairs(session))


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff and flake8-async."""
    session.install("-q", *nox.project.dependency_groups(PYPROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("flake8", "src", "tests", "bench", "docs", "noxfile.py")


@nox.session
def typing(session: nox.Session) -> None:
    """Mypy and pyright, both strict."""
    install(session, "typing")
    session.run("mypy")
    session.run("pyright")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html; warnings are errors."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "-n", "-q", "-b", "html", "docs", "docs/_build/html")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the demo. Arguments go to it: `nox -s demo -- --help`."""
    install(session)
    session.run("python", "-m", "trioshadow", "demo", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure. Arguments go to it: `nox -s bench -- --short`."""
    install(session, "bench")
    session.run("python", "bench/run.py", *session.posargs, env=pairs(session))


@nox.session
def soak(session: nox.Session) -> None:
    """Ten minutes of all that can go wrong, under load. Arguments go to it: `nox -s soak -- --seconds 60`."""
    install(session)
    session.run("python", "bench/soak.py", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Keys, requests and answers of any type, for minutes: the tests do it for seconds. Arguments go to pytest."""
    install(session, "tests")
    endless = ("--timeout=0", "-o", "faulthandler_timeout=0")  # minutes are meant
    session.run("pytest", "--hypothesis-profile=fuzz", *endless, "tests/promises/test_fuzz.py", *session.posargs)
