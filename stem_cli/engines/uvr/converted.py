"""RoFormers and MDX23C that were converted once: from then on neither torch nor audio-separator is needed.

In `converted/` beside the models lies NAME.uvr.json, what the model is, and its network; see `runtime.converted`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from stem_cli import allocator
from stem_cli.engines.runtime import accuracy, openvino
from stem_cli.engines.runtime import converted as shared
from stem_cli.engines.uvr import config, core
from stem_cli.engines.uvr.by_torch import all_stems
from stem_cli.engines.uvr.checkpoint import open_network
from stem_cli.engines.uvr.config import Layout
from stem_cli.engines.uvr.core import Bands, Floats
from stem_cli.engines.uvr.shelf import Located
from stem_cli.errors import EngineError

_SCHEMA = 1


@dataclass(frozen=True)
class Facts:
    """What a converted model is. digest: of `Located`. makes: the network's stems, in its order. bands: of a RoFormer.

    bytes: of the network's weights. sums: SHA-256 of every file, by name. errors_db: by precision, as
    `accuracy.measure` found them on the machine that converted.
    """

    name: str
    digest: str
    layout: Layout
    makes: tuple[str, ...]
    bands: Bands
    bytes: int
    sums: dict[str, str]
    errors_db: dict[str, float]
    schema: int = _SCHEMA

    @property
    def record(self) -> str:
        """Name of the file that they stand in."""
        return _record(self.name)

    @property
    def networks(self) -> tuple[str, ...]:
        """Digest of the model, for those who list several."""
        return (self.digest,)

    @property
    def stems(self) -> tuple[str, ...]:
        """What the network makes."""
        return self.makes

    def path(self, models_dir: Path) -> Path:
        """Of the converted core."""
        return shared.core_path(self.digest, self.layout.segment, models_dir)


def _record(name: str) -> str:
    return f"{name}.uvr.json"


def read(name: str, models_dir: Path) -> Facts | None:
    """What is known of a converted model, None where there is none that is whole."""
    found = shared.read_record(_record(name), _SCHEMA, models_dir)
    try:
        facts = Facts(**{**found, "layout": Layout(**found["layout"])}) if found else None
    except (TypeError, KeyError):
        return None
    return facts if facts is not None and facts.name == name else None


def current(located: Located, models_dir: Path) -> Facts | None:
    """What is known of the conversion of just this model, None where it is not converted or was another one."""
    facts = read(located.name, models_dir)
    return facts if facts is not None and facts.digest == located.digest else None


def write(located: Located, models_dir: Path, force: bool = False) -> Facts:
    """Convert a model; needs torch, audio-separator and OpenVINO. Raises EngineError, OutputError.

    One process at a time: the second takes what the first has made, unless forced.
    """
    with shared.alone(shared.folder(models_dir)):
        known = current(located, models_dir)
        if known is None or force or shared.damaged(known.sums, models_dir):
            known = _written(located, models_dir)
        return known


def _written(located: Located, models_dir: Path) -> Facts:
    assert located.weights is not None
    assert located.config is not None
    found = config.read(located.config, located.makes)
    layout, network = found.layout, open_network(found, located.weights, located.config)
    bands = core.bands_of(network, layout)
    if bands is None or found.settings.get("stft_normalized"):
        raise EngineError("a network of these settings cannot be converted", located.weights)
    target, sound = shared.core_path(located.digest, layout.segment, models_dir), accuracy.excerpt(layout.segment)
    wanted = accuracy.reference(all_stems(network, len(found.makes)), sound)
    numbers = sum(one.numel() for one in network.parameters())
    allocator.give_back()
    openvino.convert(core.trace(network, layout, bands), [core.shape(layout, bands)], target)
    del network
    allocator.give_back()

    facts = Facts(
        name=located.name,
        digest=located.digest,
        layout=layout,
        makes=found.makes,
        bands=bands,
        bytes=4 * numbers,
        sums=shared.sums_of([target], models_dir),
        errors_db=accuracy.measure(_opener(target, layout, bands, len(found.makes), models_dir), sound, wanted),
    )
    shared.write_record(facts.record, asdict(facts), models_dir)
    return facts


def _opener(
    path: Path, layout: Layout, bands: Bands, stems: int, models_dir: Path
) -> Callable[[str], Callable[[Floats], Floats]]:
    """A converted core by its precision, as `accuracy.measure` wants it."""
    threads = os.cpu_count() or 1

    def opened(precision: str) -> Callable[[Floats], Floats]:
        run = openvino.load(path, precision, threads, shared.compiled(models_dir))
        return core.CoreNetwork(run, layout, bands, stems, threads).forward

    return opened
