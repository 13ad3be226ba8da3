"""The models of the UVR world that are worth having: `table.toml`, as values."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from stem_cli.models import ModelFile
from stem_cli.stems import COMPLEMENTS

ROFORMER, MDX23C, VR = "roformer", "mdx23c", "vr"
"""Kinds: a RoFormer (BS or Mel-Band, its yaml says which), an MDX23C, a VR network."""


@dataclass(frozen=True)
class VrFacts:
    """What the file of a VR network does not say. bands: name of its parameters in audio-separator ("4band_v3").

    nout, nout_lstm: of VR 5.1 networks, None before. accompaniment: it makes the song without something (an
    instrumental), not a voice or an instrument: audio-separator sharpens the two kinds of masks differently.
    """

    bands: str
    nout: int | None = None
    nout_lstm: int | None = None
    accompaniment: bool = False


@dataclass(frozen=True)
class UvrModel:
    """One published model.

    name: of its file without the ending, what `--model` calls it. config: the yaml beside it, None of VR networks.
    makes: its stems by our names, in the network's order; of a VR network the primary one. licence: of the weights.
    sdr: dB by stem, all by one board, named in sdr_source.
    """

    name: str
    title: str
    kind: str
    weights: ModelFile
    config: ModelFile | None
    makes: tuple[str, ...]
    licence: str
    sdr: Mapping[str, float] = field(default_factory=dict)
    sdr_source: str = ""
    vr: VrFacts | None = None


def vr_facts(found: Mapping[str, Any], stem: str) -> VrFacts:
    """The facts of a VR network that makes a stem of that name, from a table of TOML that holds the rest."""
    return VrFacts(found["bands"], found.get("nout"), found.get("nout_lstm"), stem in COMPLEMENTS)


def _model(found: Mapping[str, Any]) -> UvrModel:
    makes = tuple(found["makes"])
    return UvrModel(
        name=found["name"],
        title=found["title"],
        kind=found["kind"],
        weights=ModelFile(**found["weights"]),
        config=ModelFile(**found["config"]) if "config" in found else None,
        makes=makes,
        licence=found["licence"],
        sdr=found.get("sdr", {}),
        sdr_source=found.get("sdr_source", ""),
        vr=vr_facts(found["vr"], makes[0]) if "vr" in found else None,
    )


def _read() -> dict[str, UvrModel]:
    text = (resources.files("stem_cli.engines.uvr") / "table.toml").read_text("utf-8")
    return {model.name: model for model in map(_model, tomllib.loads(text)["model"])}


TABLE: Mapping[str, UvrModel] = _read()
"""By name, the default first."""
