"""What an engine is, what it is asked for, and which ones there are.

An engine is one module of this folder with one value `ENGINE`; it is imported only when it is used. To add one: write
the module, name it in `NAMES`, and let the contract test run over it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from stem_cli.errors import EngineError

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("builtin",)
"""All engines, in the order in which they are listed."""

StemBlock: TypeAlias = "dict[str, NDArray[Any]]"
"""One block of every stem: float32 [channels, frames], by name."""


class Mix(Protocol):
    """The song as an engine sees it: blocks of float32 [channels, frames], as often as it needs them."""

    @property
    def rate(self) -> int:
        """Samples per second."""

    @property
    def channels(self) -> int:
        """1 or 2."""

    @property
    def frames(self) -> int:
        """Length, an estimate for some lossy files."""

    def blocks(self) -> Iterator[NDArray[Any]]:
        """The song from its start, in blocks of any size. They belong to the mix: do not write into them."""


@dataclass(frozen=True)
class Request:
    """What is wanted. stems: () is all the engine has. span: seconds, end None is the song's. model: "" is the best."""

    stems: tuple[str, ...] = ()
    engine: str = "auto"
    model: str = ""
    effort: str = "normal"
    seed: int = 0
    span: tuple[float, float | None] | None = None


@dataclass(frozen=True)
class Identity:
    """What makes one engine's sound differ from another's. weights: digest of the model's weights, "" without any."""

    engine: str
    model: str
    weights: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """One line that names it all, part of the key of the cache."""
        settings = ",".join(f"{name}={value}" for name, value in sorted(self.settings.items()))
        return "/".join((self.engine, self.model, self.weights[:16] or "-", settings or "-"))


@dataclass
class Run:
    """One separation under way. threads: how many the engine may take. device: set by the engine to what it used."""

    threads: int = 1
    device: str = "cpu"


@dataclass(frozen=True)
class Missing:
    """Why an engine is not ready, and what to type to make it so."""

    reason: str
    remedy: str


@dataclass(frozen=True)
class Engine:
    """One way to separate songs.

    models: names, the default first. stems: in the order of the table. rate: the only one it takes, None is any.
    quality: dB of SDR by stem, with where it was measured in `source`. speed: times real time on two cores.
    pays: costs money. licence: of its weights. unavailable: None when ready. identify: see `Identity`.
    separate: consecutive blocks of all stems that cover the mix exactly; it may be closed at any time.
    """

    name: str
    title: str
    models: tuple[str, ...]
    stems: tuple[str, ...]
    rate: int | None
    quality: Mapping[str, float]
    source: str
    speed: float
    pays: bool
    licence: str
    unavailable: Callable[[], Missing | None]
    identify: Callable[[Request], Identity]
    separate: Callable[[Mix, Request, Run], Iterator[StemBlock]]


def load(name: str) -> Engine:
    """The engine of that name. Raises EngineError where there is none."""
    if name not in NAMES:
        raise EngineError(f"there is no engine {name!r}", None, f"Choose one of: auto, {', '.join(NAMES)}.")
    engine: Engine = importlib.import_module(f"stem_cli.engines.{name}").ENGINE
    return engine


def all_engines() -> tuple[Engine, ...]:
    """Every engine, ready or not."""
    return tuple(load(name) for name in NAMES)
