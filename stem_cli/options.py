"""Types of options that several commands share, with their completion."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import click
from click.shell_completion import CompletionItem

from stem_cli import engines, stems
from stem_cli.settings import Settings

_DEFAULTS = Settings()


def default_of(name: str) -> str:
    """What `--help` shows as a setting's default."""
    value = getattr(_DEFAULTS, name)
    return str(value) if value != "" else "decided for you"


class NameList(click.ParamType):
    """Names parted by commas, out of a list."""

    name = "names"

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names, each once."""
        if isinstance(value, tuple):
            return value
        names = tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
        for name in names:
            if name not in self.known:
                self.fail(f"{name!r} is not known. There are: {', '.join(self.known)}.", param, ctx)
        if not names:
            self.fail(f"name at least one of: {', '.join(self.known)}.", param, ctx)
        return names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Complete the name behind the last comma."""
        head, comma, last = incomplete.rpartition(",")
        return [CompletionItem(f"{head}{comma}{name}") for name in self.known if name.startswith(last)]


class Span(click.ParamType):
    """A stretch of a song: START-END, each as seconds or m:ss or h:mm:ss; either may be left out."""

    name = "start-end"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float | None]:
        """Start and end in seconds, end None where it is the song's."""
        if isinstance(value, tuple):
            return value
        start, dash, end = value.partition("-")
        first, last = _seconds(start or "0"), _seconds(end) if end else None
        if not dash or first is None or (end and last is None) or (last is not None and last <= first):
            self.fail(f"{value!r} is no stretch of time. Write 0:30-1:45, 30-105, 90- or -60.", param, ctx)
        return first, last


def _seconds(text: str) -> float | None:
    if not re.fullmatch(r"(\d+:)?(\d+:)?\d+(\.\d+)?", text.strip()):
        return None
    total = 0.0
    for part in text.strip().split(":"):
        total = total * 60 + float(part)
    return total


class Duration(click.ParamType):
    """A length of time: 45s, 10m, 6h, 30d; a plain number is seconds."""

    name = "duration"
    _UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # noqa: RUF012 - read only

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", str(value).strip().lower())
        if not found:
            self.fail(f"{value!r} is no length of time. Write 45s, 10m, 6h or 30d.", param, ctx)
        return float(found[1]) * self._UNITS[found[2] or "s"]


class Size(click.ParamType):
    """A number of bytes: 500M, 20G; a plain number is bytes."""

    name = "size"
    _UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}  # noqa: RUF012 - read only

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", str(value).strip().upper())
        if not found:
            self.fail(f"{value!r} is no size. Write 500M or 20G.", param, ctx)
        return round(float(found[1]) * self._UNITS[found[2]])


class Share(click.ParamType):
    """A share: 5% or 0.05."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A number above 0 and up to 1."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        found = re.fullmatch(r"\d+(\.\d+)?%?", text)
        share = float(text.rstrip("%")) / (100 if text.endswith("%") else 1) if found else 0.0
        if not 0 < share <= 1:
            self.fail(f"{value!r} is no share. Write 5% or 0.05.", param, ctx)
        return share


class Number(click.FloatRange):
    """A number within a range; click itself lets "nan" and "inf" pass. what: the word for it where it is refused."""

    what = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        found = super().convert(value, param, ctx)
        return found if math.isfinite(found) else self.fail(f"{value!r} is no {self.what}.", param, ctx)


class Bpm(Number):
    """Beats a minute, within a range."""

    what = "tempo"


class Pair(click.ParamType):
    """OLD=NEW: the beginning of paths on another machine, and what stands for it here."""

    name = "old=new"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Both sides."""
        if isinstance(value, tuple):
            return value
        old, sign, new = str(value).partition("=")
        if not sign or not old.strip() or not new.strip():
            self.fail(f"{value!r} names no two places. Write 'D:/Music=/media/dj/Music'.", param, ctx)
        return old.strip(), new.strip()


STEM_NAMES = NameList(tuple(stems.TABLE))
EXTRA_NAMES = NameList((*stems.ALIASES, *stems.COMPLEMENTS, *stems.TABLE))
PROGRAMS = NameList(("serato", "rekordbox", "traktor", "traktor-win", "mixxx", "engine", "cdj"))
"""DJ programs and decks by the words of `--for`."""
ENGINE = click.Choice(("auto", *engines.NAMES))


class _Model(click.ParamType):
    """The name of a model; completes those of the tables."""

    name = "name"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """The models that start so."""
        names = [model.name for engine in engines.all_engines() for model in engine.models]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


MODEL = _Model()


Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def added(options: Sequence[Option]) -> Option:
    """Give a command all of these options, in this order."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


MAPPING: Option = click.option("--map", "mapping", multiple=True, type=Pair(), metavar="OLD=NEW",
                               callback=lambda _ctx, _param, pairs: dict(pairs),
                               help="Paths in lists that begin with OLD begin with NEW here.")  # fmt: skip

LIBRARY_OPTIONS: tuple[Option, ...] = (
    click.option("--crate", "crates", multiple=True, metavar="NAME", help="A list of a DJ program, by its name."),
    click.option("--library", "libraries", multiple=True, metavar="auto|PATH",
                 help="Where crates are looked for; auto is where DJ programs keep them."),
    MAPPING,
)  # fmt: skip
"""Which songs of a library are meant; values for `library.select.Wanted`."""
