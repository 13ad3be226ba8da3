"""Cores that were converted once: from then on neither torch nor the package demucs is needed.

In `converted/` beside the models lie NAME.json, what the model is, and the files of its networks; see
`runtime.converted`. Copied to another machine, the folder serves there without the weights.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stem_cli import allocator
from stem_cli.engines.demucs import core
from stem_cli.engines.demucs.bag import Located
from stem_cli.engines.demucs.package import is_htdemucs
from stem_cli.engines.runtime import accuracy, openvino
from stem_cli.engines.runtime import converted as shared
from stem_cli.engines.runtime.accuracy import Floats
from stem_cli.errors import EngineError

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

    @property
    def record(self) -> str:
        """Name of the file that they stand in."""
        return _record(self.name)


def _record(name: str) -> str:
    return f"{name}.json"


def read(name: str, models_dir: Path) -> Facts | None:
    """What is known of a converted model, None where there is none that is whole."""
    found = shared.read_record(_record(name), _SCHEMA, models_dir)
    try:
        facts = Facts(**found) if found else None
    except TypeError:
        return None
    return facts if facts is not None and facts.name == name else None


def current(located: Located, models_dir: Path) -> Facts | None:
    """What is known of the conversion of just this model, None where it is not converted or was another one."""
    facts = read(located.name, models_dir)
    return facts if facts is not None and facts.located.digest == located.digest else None


def possible(located: Located) -> bool:
    """Whether all its networks are of the class that has a core, as far as their files tell without torch."""
    return all(is_htdemucs(path) for path in located.files)


def write(located: Located, models_dir: Path, force: bool = False) -> Facts:
    """Convert all networks of a model; needs torch, demucs and OpenVINO. Raises EngineError, OutputError.

    One process at a time: the second takes what the first has made, unless forced.
    """
    with shared.alone(shared.folder(models_dir)):
        known = current(located, models_dir)
        if known is None or force or shared.damaged(known.sums, models_dir):
            known = _written(located, models_dir)
        return known


def _written(located: Located, models_dir: Path) -> Facts:
    from stem_cli.engines.demucs.checkpoint import describe, open_network

    bag, frames, channels, targets, errors = describe(located), [], 0, [], []
    for path, weights in zip(located.files, located.digests, strict=True):
        network: Any = open_network(path, located.segment)
        if not core.can_be_cut(network):
            raise EngineError(f"a {type(network).__name__} of these settings cannot be converted", path)
        frames.append(int(network.segment * network.samplerate))
        channels = max(channels, network.channels)
        target, sound = shared.core_path(weights, frames[-1], models_dir), _excerpt(frames[-1])
        wanted = accuracy.reference(network, sound)
        allocator.give_back()
        openvino.convert(core.trace(network, frames[-1]), core.shapes(frames[-1]), target)
        del network
        allocator.give_back()
        errors.append(accuracy.measure(_opener(target, len(wanted), frames[-1], models_dir), sound, wanted))
        targets.append(target)
    facts = Facts(
        name=located.name,
        networks=located.digests,
        weights=located.weights,
        segment=located.segment,
        stems=bag.stems,
        rate=bag.rate,
        frames=tuple(frames),
        channels=channels,
        sums=shared.sums_of(targets, models_dir),
        errors_db={precision: max(one[precision] for one in errors) for precision in errors[0]},
    )
    shared.write_record(facts.record, asdict(facts), models_dir)
    return facts


def _excerpt(frames: int) -> Floats:
    """As a song comes to the networks: mean 0, deviation 1."""
    sound = accuracy.excerpt(frames)
    normalised: Floats = ((sound - sound.mean()) / sound.std()).astype(np.float32)
    return normalised


def _opener(path: Path, stems: int, frames: int, models_dir: Path) -> Callable[[str], Callable[[Floats], Floats]]:
    """A converted core by its precision, as `accuracy.measure` wants it."""
    threads = os.cpu_count() or 1

    def opened(precision: str) -> Callable[[Floats], Floats]:
        run = openvino.load(path, precision, threads, shared.compiled(models_dir))
        return core.CoreNetwork(run, stems, frames, frames, threads).forward

    return opened
