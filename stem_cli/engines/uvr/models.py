"""The models of the UVR world that are worth having."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stem_cli.models import ModelFile

ROFORMER, MDX23C, VR = "roformer", "mdx23c", "vr"
"""Kinds: a RoFormer (BS or Mel-Band, its yaml says which), an MDX23C, a VR network."""


@dataclass(frozen=True)
class VrFacts:
    """What the file of a VR network does not say. bands: name of its parameters in audio-separator ("4band_v3").

    nout, nout_lstm: of VR 5.1 networks, None before.
    """

    bands: str
    nout: int | None = None
    nout_lstm: int | None = None


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


TABLE: Mapping[str, UvrModel] = {}
