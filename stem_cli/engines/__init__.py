"""What an engine is, what it is asked for, and which ones there are.

An engine is one module of this folder with one value `ENGINE`; it is imported only when it is used. To add one: write
the module, name it in `NAMES`, and let the contract test run over it. `runtime` is not one of them: it runs networks.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from stem_cli import settings as settings_of
from stem_cli import stems as table
from stem_cli.errors import EngineError, StemError
from stem_cli.models import ModelFile
from stem_cli.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("builtin", "demucs", "onnx", "uvr", "cloud")
"""All engines, in the order in which they are listed."""

_FREE = ("mit", "uvr's authors: mit", "apache", "bsd", "cc0", "gpl", "the service")
_NOT_FREE = ("research", "non-commercial", "by-nc")
"""Words that licences of weights begin with, and that they hold."""

_NEAR = 3
"""Names that are spelt much like one that nobody knows: as many are told."""

StemBlock: TypeAlias = "dict[str, NDArray[Any]]"
"""One block of every stem: float32 [channels, frames], by name."""


class Readable(Protocol):
    """A sound that can be read as often as one likes: a song, or one in memory."""

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
        """All of it, float32 [channels, frames], in blocks of any size. They belong to it: do not write into them."""


class Mix(Readable, Protocol):
    """The song as an engine sees it."""

    def skim(self) -> Iterator[NDArray[Any]]:
        """The song once through for an engine that must know the whole before it begins; nothing of it is kept."""


@dataclass(frozen=True)
class Request:
    """What is wanted. stems: () is all the engine has. span: seconds, end None is the song's. model: "" is the best.

    ensemble: several models in place of one, "htdemucs,UVR-MDX-NET-Voc_FT:vocals=2", or "".
    overlap (share of a segment), shifts, segment_seconds, precision: of networks; None and "auto" are decided by
    `effort` and the machine. device: "auto", "cpu", "cuda" or "mps". models_dir: where models are looked for first.
    allow_cloud: songs may be sent to a service and paid for. cloud_url: of its calls, "" is its own. data_dir,
    database_url: where what was paid for is written down.
    """

    stems: tuple[str, ...] = ()
    engine: str = "auto"
    model: str = ""
    ensemble: str = ""
    effort: str = "normal"
    seed: int = 0
    span: tuple[float, float | None] | None = None
    overlap: float | None = None
    shifts: int | None = None
    segment_seconds: float | None = None
    precision: str = "auto"
    device: str = "auto"
    models_dir: Path = field(default_factory=lambda: settings_of.models_dir(Settings()))
    allow_cloud: bool = False
    cloud_url: str = ""
    data_dir: Path = field(default_factory=lambda: settings_of.data_dir(Settings()))
    database_url: str = ""


def request_of(
    settings: Settings, stems: tuple[str, ...] = (), span: tuple[float, float | None] | None = None
) -> Request:
    """What the settings ask an engine for."""
    return Request(
        stems=stems,
        engine=settings.engine,
        model=settings.model,
        ensemble=settings.ensemble,
        effort=settings.effort,
        seed=settings.seed,
        span=span,
        overlap=None if settings.overlap < 0 else settings.overlap,
        shifts=None if settings.shifts < 0 else settings.shifts,
        segment_seconds=settings.segment_seconds or None,
        precision=settings.precision,
        device=settings.device,
        models_dir=settings_of.models_dir(settings),
        allow_cloud=settings.allow_cloud,
        cloud_url=settings.cloud_url,
        data_dir=settings_of.data_dir(settings),
        database_url=settings.database_url,
    )


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
    """One separation under way. threads: how many the engine may take. note: tells the user something at once.

    device, precision: set by the engine to what it used. after: what the engine wants done when the stems are on disk.
    """

    threads: int = 1
    device: str = "cpu"
    precision: str = ""
    note: Callable[[str], None] = lambda text: None  # noqa: ARG005
    after: list[Callable[[], None]] = field(default_factory=list)


class NotHere(EngineError):
    """A model that is not on this machine, and nothing of it is broken."""


class NoSuchModel(NotHere):
    """A name that means nothing to an engine: in no table of its own, and no file either."""


@dataclass(frozen=True)
class Missing:
    """Why an engine is not ready, and what to type to make it so. broken: what it needs is there, but not whole."""

    reason: str
    remedy: str
    broken: bool = False

    @classmethod
    def told(cls, error: StemError) -> Missing:
        """What an error says. It is of something broken where it names a file, and not because that is not there."""
        reason = error.what + (f" ({error.path})" if error.path else "")
        return cls(reason, error.hint, broken=error.path is not None and not isinstance(error, NotHere))


@dataclass(frozen=True)
class Model:
    """What one model makes. stems: in the order of the table. files: its weights, () where there are none to fetch.

    rate, channels: the only ones it takes, None is any; the road converts.
    quality: dB of SDR by stem, with where it was measured in `source`. licence: of its weights.
    """

    name: str
    title: str
    stems: tuple[str, ...]
    licence: str
    rate: int | None = None
    channels: int | None = None
    quality: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    files: tuple[ModelFile, ...] = ()

    @property
    def use(self) -> str:
        """What its licence allows, by its first word: "free" (any use), "research" or "unknown"."""
        words = self.licence.casefold()
        if any(words.startswith(one) for one in _FREE):
            return "free"
        return "research" if any(one in words for one in _NOT_FREE) else "unknown"

    @property
    def gives(self) -> frozenset[str]:
        """Its stems, and the song without one of them."""
        left_out = {table.TABLE[name].without for name in self.stems if name in table.TABLE}
        return frozenset({*self.stems, *left_out})


_PROGRAM_BYTES = 0.35e9
"""Of everything around an engine: decoding, writing, the embedded engine too (measured, docs/engines.md)."""


@dataclass(frozen=True)
class Engine:
    """One way to separate songs.

    models: those it knows, the default first. speed: times real time on two cores. pays: costs money.
    unavailable: None when it can serve this request. find: the model that would serve it, also one the user added;
    raises EngineError where there is no such model. identify: see `Identity`.
    separate: consecutive blocks of all the model's stems that cover the mix exactly; it may be closed at any time.
    added: models that the user put into a folder of models, as far as they can be read.
    prepare: what is done once before a model is first used; True where that may have changed what `identify` says.
    files_of: those of a model that lie in a folder of models, what was made from them too, and that no other one needs.
    cost: what a song of so many seconds costs, in words; "" where nothing. minutes: the same as a service counts.
    memory: bytes that it takes, about, for a song of so many seconds. networks: it gains from a GPU.
    """

    name: str
    title: str
    models: tuple[Model, ...]
    speed: float
    pays: bool
    unavailable: Callable[[Request], Missing | None]
    find: Callable[[Request], Model]
    identify: Callable[[Request], Identity]
    separate: Callable[[Mix, Request, Run], Generator[StemBlock, None, None]]
    prepare: Callable[[Request, Callable[[str], None]], bool] = lambda request, note: False  # noqa: ARG005
    added: Callable[[Path], tuple[Model, ...]] = lambda models_dir: ()  # noqa: ARG005
    files_of: Callable[[str, Path], tuple[Path, ...]] = lambda name, models_dir: ()  # noqa: ARG005
    cost: Callable[[Request, float], str] = lambda request, seconds: ""  # noqa: ARG005
    minutes: Callable[[Request, float], float] = lambda request, seconds: 0.0  # noqa: ARG005
    memory: Callable[[Request, float], float] = lambda request, seconds: _PROGRAM_BYTES  # noqa: ARG005
    networks: bool = False


def load(name: str) -> Engine:
    """The engine of that name. Raises EngineError where there is none."""
    if name not in NAMES:
        raise EngineError(f"there is no engine {name!r}", None, f"Choose one of: auto, {', '.join(NAMES)}.")
    engine: Engine = importlib.import_module(f"stem_cli.engines.{name}").ENGINE
    return engine


def load_ensemble() -> Engine:
    """What serves requests that name an ensemble: several models at once, of these engines."""
    engine: Engine = importlib.import_module("stem_cli.engines.ensemble").ENGINE
    return engine


def all_engines() -> tuple[Engine, ...]:
    """Every engine, ready or not."""
    return tuple(load(name) for name in NAMES)


def knowing(engines: Sequence[Engine], request: Request) -> Iterator[tuple[Engine, Model]]:
    """The engines that have the model that is asked for, ready or not: in their tables, else added by the user."""
    by_table = [(engine, model) for engine in engines for model in engine.models if model.name == request.model]
    yield from by_table
    for engine in () if by_table else engines:
        with suppress(EngineError):
            yield engine, engine.find(request)


def broken(engines: Sequence[Engine], request: Request) -> Iterator[tuple[Engine, Missing]]:
    """The engines for which what is asked for is there, but not whole."""
    for engine in engines:
        missing = engine.unavailable(request)
        if missing is not None and missing.broken:
            yield engine, missing


def denies(engine: Engine, request: Request) -> bool:
    """Whether the model asked for means nothing to an engine, not even that something of it is missing or broken."""
    try:
        engine.find(request)
    except NoSuchModel:
        return True
    except EngineError:
        return False
    return False


def no_such_model(engines: Sequence[Engine], request: Request) -> NoSuchModel:
    """The error that no engine knows this model; it names those that are spelt much like it."""
    names = [model.name for one in engines for model in (*one.models, *one.added(request.models_dir))]
    by_letters = {name.casefold(): name for name in names}
    near = [by_letters[one] for one in get_close_matches(request.model.casefold(), by_letters, _NEAR)]
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    return NoSuchModel(
        f"there is no model {request.model!r}", None, f"{meant}`stem engines list` names those there are."
    )


def find_model(name: str, models_dir: Path) -> tuple[Engine, Model]:
    """The engine that knows a model, also one that the user added to a folder of models, and the model.

    Raises EngineError where there is none, naming those like it.
    """
    engines, asked = all_engines(), Request(model=name, models_dir=models_dir)
    for found in knowing(engines, asked):
        return found
    for _, missing in broken(engines, asked):
        raise EngineError(missing.reason, None, missing.remedy)
    raise no_such_model(engines, asked)


def those_found(names: Iterable[str], models_dir: Path, find: Callable[[Request], Model]) -> tuple[Model, ...]:
    """The models of these names that can be read, as an engine finds them; the others are passed over."""
    found = []
    for name in names:
        with suppress(EngineError):
            found.append(find(Request(model=name, models_dir=models_dir)))
    return tuple(found)
