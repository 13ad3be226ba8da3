"""Cores that were converted once: from then on neither torch nor the package demucs is needed.

In `converted/` beside the models lie NAME.json, what the model is, and for each of its networks
DIGEST-FRAMES.xml and .bin.
Copied to another machine, the folder serves there without the weights.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stem_cli.engines.demucs import core
from stem_cli.engines.demucs.bag import Located
from stem_cli.engines.runtime import openvino
from stem_cli.errors import EngineError, OutputError
from stem_cli.models import digest, memory_of

_FOLDER, _COMPILED = "converted", "compiled"
_SCHEMA = 1


@dataclass(frozen=True)
class Facts:
    """What a converted model is. networks: digests of the weights, one a network. stems: in the networks' order.

    weights, segment: as in `Located`. frames: of a core's input. sums: SHA-256 of every file, by name.
    """

    name: str
    networks: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    segment: float | None
    stems: tuple[str, ...]
    rate: int
    frames: int
    sums: dict[str, str]
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
        facts = Facts(**{**found, **{key: _tuples(found[key]) for key in ("networks", "weights", "stems")}})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    whole = facts.schema == _SCHEMA and facts.name == name and facts.sums
    return facts if whole and all((path.parent / file).is_file() for file in facts.sums) else None


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value


def check(facts: Facts, models_dir: Path) -> None:
    """Raises EngineError where a file is not as it was written."""
    for name, known in facts.sums.items():
        path = folder(models_dir) / name
        if digest(path, memory_of(models_dir)) != known:
            hint = f"Delete it; `stem engines convert {facts.name}` makes it anew."
            raise EngineError("this converted model is damaged", path, hint)


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


def write(located: Located, models_dir: Path) -> Facts:
    """Convert all networks of a model; needs torch, demucs and OpenVINO. Raises EngineError, OutputError."""
    from stem_cli.engines.demucs.checkpoint import describe, open_network

    bag, frames, sums = describe(located), 0, {}
    home = folder(models_dir)
    try:
        home.mkdir(parents=True, exist_ok=True)
        for path, weights in zip(located.files, located.digests, strict=True):
            network: Any = open_network(path, located.segment)
            if not core.can_be_cut(network):
                raise EngineError(f"a {type(network).__name__} cannot be converted", path, "It runs on torch.")
            frames = int(network.segment * network.samplerate)
            target = core_path(weights, frames, models_dir)
            openvino.convert(core.trace(network, frames), core.shapes(frames), target)
            for file in (target, target.with_suffix(".bin")):
                sums[file.name] = digest(file, memory_of(models_dir))
        facts = Facts(
            located.name, located.digests, located.weights, located.segment, bag.stems, bag.rate, frames, sums
        )
        partial = home / f".{located.name}.{os.getpid()}.partial"
        partial.write_text(json.dumps(asdict(facts), indent=1), "utf-8")
        partial.replace(home / f"{located.name}.json")
    except OSError as error:
        hint = "Free some space there, or choose another --models-dir."
        raise OutputError(f"a converted model cannot be written ({error.strerror})", home, hint) from error
    return facts
