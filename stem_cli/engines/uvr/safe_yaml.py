"""Reads the yaml beside a model: data only. Published ones name one type of Python, the tuple; no other is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stem_cli.errors import EngineError

_LARGEST_BYTES = 200_000
_TUPLE = "tag:yaml.org,2002:python/tuple"
_PYTHON = "tag:yaml.org,2002:python/"
_FAULTS = (ValueError, RecursionError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What pyyaml lets through of a value that is not of the type that it claims."""
_AGAIN = "Take it from where the model's weights come from."


def read_yaml(path: Path) -> dict[str, Any]:
    """The sections of a model's yaml. Raises EngineError where it is none, or names an object of Python."""
    try:
        import yaml
    except ImportError as error:
        raise EngineError("reading it needs the package pyyaml", path, "Type `pip install pyyaml`.") from error

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Knows tuples, and no other type of Python."""

    def sequence(loader: Any, node: Any) -> tuple[Any, ...]:
        return tuple(loader.construct_sequence(node, deep=True))

    Loader.add_constructor(_TUPLE, sequence)
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise senseless(path, "it is far too long for one")
        found = yaml.load(path.read_text("utf-8"), Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise EngineError(f"this model's yaml cannot be read ({error.strerror})", path) from error
    except yaml.constructor.ConstructorError as error:
        raise _refused(path, error) from error
    except (yaml.YAMLError, *_FAULTS) as error:
        raise senseless(
            path, (str(getattr(error, "problem", None) or error) or "it is none").splitlines()[0]
        ) from error
    if not isinstance(found, dict):
        raise senseless(path, "it has no sections")
    return found


def _refused(path: Path, error: Any) -> EngineError:
    problem = str(error.problem)
    _, python, named = problem.partition(_PYTHON)
    if not python:
        return senseless(path, problem)
    what = f"this yaml wants to make the Python object {named.rstrip(chr(39))}: refused, nothing was run"
    return EngineError(what, path, "Delete it, and take models only from their makers.")


def told(value: object) -> str:
    """A value of a file as an error names it."""
    try:
        return repr(value)[:60]
    except ValueError:  # what Python says of whole numbers of thousands of digits
        return "a far too long number"


def senseless(path: Path, why: str) -> EngineError:
    """The error of a yaml that describes no model we know."""
    return EngineError(f"this yaml describes no model that we know: {why}", path, _AGAIN)
