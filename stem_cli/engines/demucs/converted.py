"""Cores that were converted once: from then on neither torch nor the package demucs is needed.

In `converted/` beside the models lie NAME.json, what the model is, and for each of its networks DIGEST-FRAMES.xml and
.bin. NAME.json comes last: without it nothing is there. Copied to another machine, the folder serves there without the
weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stem_cli import allocator
from stem_cli.engines.demucs import accuracy, core
from stem_cli.engines.demucs.bag import Located
from stem_cli.engines.demucs.package import is_htdemucs
from stem_cli.engines.runtime import openvino
from stem_cli.errors import EngineError, OutputError
from stem_cli.models import digest, memory_of

_FOLDER, _COMPILED = "converted", "compiled"
_SCHEMA = 2


@dataclass(frozen=True)
class Facts:
    """What a converted model is. networks: digests of the weights, one a network. stems: in the networks' order.

    weights, segment: as in `Located`. frames: of each core's input. channels: of the first layer of the widest, what
    the memory it takes grows with. sums: SHA-256 of every file, by name. errors_db: by precision, of the worst network,
    as `accuracy.measure` found them on the machine that converted.
    """

    name: str
    networks: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    segment: float | None
    stems: tuple[str, ...]
    rate: int
    frames: tuple[int, ...]
    channels: int
    sums: dict[str, str]
    errors_db: dict[str, float]
    schema: int = _SCHEMA

    @property
    def located(self) -> Located:
        """The model these were made from, without its files."""
        return Located(self.name, (), self.networks, self.weights, self.segment)


def folder(models_dir: Path) -> Path:
    """Where converted models lie."""
    return models_dir / _FOLDER


def read(name: str, models_dir: Path) -> Facts | None:
    """What is known of a converted model, None where there is none that is whole."""
    path = folder(models_dir) / f"{name}.json"
    try:
        found = json.loads(path.read_text("utf-8"))
        facts = Facts(**{**found, **{key: _tuples(found[key]) for key in ("networks", "weights", "stems", "frames")}})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    whole = facts.schema == _SCHEMA and facts.name == name and facts.sums
    return facts if whole and all((path.parent / file).is_file() for file in facts.sums) else None


def current(located: Located, models_dir: Path) -> Facts | None:
    """What is known of the conversion of just this model, None where it is not converted or was another one."""
    facts = read(located.name, models_dir)
    return facts if facts is not None and facts.located.digest == located.digest else None


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value


def damaged(facts: Facts, models_dir: Path) -> Path | None:
    """The first file that is not as it was written. Raises EngineError where one cannot be read."""
    for name, known in facts.sums.items():
        path = folder(models_dir) / name
        if digest(path, memory_of(models_dir)) != known:
            return path
    return None


def sizes(facts: Facts, models_dir: Path) -> dict[str, int]:
    """Bytes of each file of a converted model, the one that describes it among them."""
    names = (f"{facts.name}.json", *facts.sums)
    return {name: (folder(models_dir) / name).stat().st_size for name in names}


def core_path(weights: str, frames: int, models_dir: Path) -> Path:
    """The core of one network, by the digest of its weights and the length of its input."""
    return folder(models_dir) / f"{weights[:16]}-{frames}.xml"


def compiled(models_dir: Path) -> Path:
    """Where OpenVINO keeps what it compiled from them for this machine."""
    return folder(models_dir) / _COMPILED


def possible(located: Located) -> bool:
    """Whether all its networks are of the class that has a core, as far as their files tell without torch."""
    return all(is_htdemucs(path) for path in located.files)


def write(located: Located, models_dir: Path, force: bool = False) -> Facts:
    """Convert all networks of a model; needs torch, demucs and OpenVINO. Raises EngineError, OutputError.

    One process at a time: the second takes what the first has made, unless forced.
    """
    with _alone(folder(models_dir)):
        known = current(located, models_dir)
        if known is None or force or damaged(known, models_dir):
            known = _written(located, models_dir)
        return known


def _written(located: Located, models_dir: Path) -> Facts:
    from stem_cli.engines.demucs.checkpoint import describe, open_network

    bag, frames, channels, sums, errors = describe(located), [], 0, {}, []
    for path, weights in zip(located.files, located.digests, strict=True):
        network: Any = open_network(path, located.segment)
        if not core.can_be_cut(network):
            raise EngineError(f"a {type(network).__name__} of these settings cannot be converted", path)
        frames.append(int(network.segment * network.samplerate))
        channels = max(channels, network.channels)
        target = core_path(weights, frames[-1], models_dir)
        wanted = accuracy.reference(network, frames[-1])
        allocator.give_back()
        openvino.convert(core.trace(network, frames[-1]), core.shapes(frames[-1]), target)
        del network
        allocator.give_back()
        errors.append(accuracy.measure(target, wanted, compiled(models_dir)))
        for file in (target, target.with_suffix(".bin")):
            sums[file.name] = digest(file, memory_of(models_dir))
    facts = Facts(
        name=located.name,
        networks=located.digests,
        weights=located.weights,
        segment=located.segment,
        stems=bag.stems,
        rate=bag.rate,
        frames=tuple(frames),
        channels=channels,
        sums=sums,
        errors_db={precision: max(one[precision] for one in errors) for precision in errors[0]},
    )
    partial = folder(models_dir) / f".{located.name}.partial"
    partial.write_text(json.dumps(asdict(facts), indent=1), "utf-8")
    partial.replace(folder(models_dir) / f"{located.name}.json")
    return facts


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One process at a time writes there. What one left that was killed is removed. Raises OutputError."""
    from filelock import FileLock

    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".lock"):
            for left in home.glob(".*.partial*"):
                left.unlink()
            yield
    except OSError as error:
        hint = "Free some space there, or choose another --models-dir."
        raise OutputError(f"a converted model cannot be written ({error.strerror})", home, hint) from error
