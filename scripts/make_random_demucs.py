"""Demucs models with random weights, in the real format: python scripts/make_random_demucs.py MODEL... --output DIR

What is made loads in both programs: `demucs --repo DIR -n MODEL` and `stem separate --models-dir DIR --model MODEL`.
The real weights are for research only and never part of this project; these serve its tests and its bench. They
separate nothing, but every branch of the network counts, and a stem is about as loud as the song.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

FOUR = ["drums", "bass", "other", "vocals"]
SIX = [*FOUR, "guitar", "piano"]
LOUDNESS = 0.17
"""RMS of the stems for a song of the same RMS: -15 dB."""

# Settings that give the number of parameters, and so the size, of the published files: shared reference engines.md 1.4.
_HTDEMUCS = {
    "audio_channels": 2, "samplerate": 44100, "segment": Fraction(39, 5), "channels": 48, "channels_time": None,
    "growth": 2, "nfft": 4096, "cac": True, "depth": 4, "rewrite": True, "freq_emb": 0.2, "emb_scale": 10,
    "emb_smooth": True, "kernel_size": 8, "time_stride": 2, "stride": 4, "context": 1, "context_enc": 0,
    "norm_starts": 4, "norm_groups": 4, "dconv_mode": 3, "dconv_depth": 2, "dconv_comp": 8, "dconv_init": 1e-3,
    "bottom_channels": 512, "t_layers": 5, "t_heads": 8, "t_hidden_scale": 4.0, "t_dropout": 0.02,
}  # fmt: skip
_HDEMUCS = {
    "audio_channels": 2, "samplerate": 44100, "segment": 44, "channels": 48, "growth": 2, "nfft": 4096, "cac": True,
    "depth": 6, "rewrite": True, "hybrid": True, "hybrid_old": False, "freq_emb": 0.2, "emb_scale": 10,
    "emb_smooth": True, "kernel_size": 8, "time_stride": 2, "stride": 4, "context": 1, "context_enc": 0,
    "norm_starts": 4, "norm_groups": 4, "dconv_mode": 1, "dconv_depth": 2, "dconv_comp": 4, "dconv_attn": 4,
    "dconv_lstm": 4, "dconv_init": 1e-4,
}  # fmt: skip
_DEMUCS = {
    "audio_channels": 2, "samplerate": 44100, "segment": 44, "channels": 64, "growth": 2.0, "depth": 6,
    "rewrite": True, "kernel_size": 8, "stride": 4, "context": 1, "norm_starts": 4, "norm_groups": 4,
    "dconv_mode": 1, "dconv_depth": 2, "dconv_comp": 4, "dconv_attn": 4, "dconv_lstm": 4, "normalize": True,
    "resample": True,
}  # fmt: skip
_TINY = {**_HTDEMUCS, "channels": 4, "bottom_channels": 0, "t_layers": 1, "t_heads": 2, "dconv_comp": 4,
         "norm_groups": 1}  # fmt: skip


@dataclass(frozen=True)
class Network:
    """One file: its signature, the class of package demucs, and what that class is made with."""

    signature: str
    klass: str
    settings: Mapping[str, Any]
    stems: list[str] = field(default_factory=lambda: FOUR)


@dataclass(frozen=True)
class Recipe:
    """One model. Without weights and segment, and with one network of its own name, it needs no YAML."""

    networks: tuple[Network, ...]
    weights: list[list[float]] | None = None
    segment: float | None = None


def _bag(signatures: str, klass: str, settings: Mapping[str, Any], stems: list[str] = FOUR) -> tuple[Network, ...]:
    return tuple(Network(one, klass, settings, stems) for one in signatures.split())


def _unit(size: int) -> list[list[float]]:
    return [[float(row == column) for column in range(size)] for row in range(size)]


RECIPES = {
    "htdemucs": Recipe(_bag("955717e8", "HTDemucs", _HTDEMUCS)),
    "htdemucs_ft": Recipe(_bag("f7e0c4bc d12395a8 92cfc3b6 04573f0d", "HTDemucs", _HTDEMUCS), _unit(4)),
    "htdemucs_6s": Recipe(_bag("5c90dfd2", "HTDemucs", {**_HTDEMUCS, "bottom_channels": 0}, SIX)),
    "hdemucs_mmi": Recipe(_bag("75fc33f5", "HDemucs", _HDEMUCS), segment=44),
    # Not verified: that the first two of `mdx` are of the time domain alone, as in its repetition `repro_mdx_a`.
    "mdx": Recipe(
        _bag("0d19c1c6 7ecf8ec1", "Demucs", _DEMUCS) + _bag("c511e2ab 7d865c68", "HDemucs", _HDEMUCS),
        [[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]],
        44,
    ),
    "mdx_extra": Recipe(_bag("e51eebcc a1d90b5c 5d2d6c55 cfa93e08", "HDemucs", _HDEMUCS), segment=44),
    "tiny": Recipe(_bag("tiny", "HTDemucs", _TINY)),
    "tiny_6s": Recipe(_bag("tiny_6s", "HTDemucs", _TINY, SIX)),
    "tiny_ft": Recipe(_bag("tiny_ft0 tiny_ft1 tiny_ft2 tiny_ft3", "HTDemucs", _TINY), _unit(4)),
    "tiny_hdemucs": Recipe(_bag("tiny_mmi", "HDemucs", {**_HDEMUCS, "channels": 4}), segment=44),
    "tiny_mdx": Recipe(
        _bag("tiny_mdx0", "Demucs", {**_DEMUCS, "channels": 4})
        + _bag("tiny_mdx1", "HDemucs", {**_HDEMUCS, "channels": 4}),
        [[1.0, 1.0, 0.0, 0.5], [0.0, 1.0, 1.0, 1.5]],
        44,
    ),
}


def main() -> None:
    """Make the models asked for and print their files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", choices=sorted(RECIPES), metavar="MODEL", help=", ".join(RECIPES))
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--safetensors", action="store_true", help="the hub's form in place of .th")
    args = parser.parse_args()
    for name in args.models:
        for path in make(name, args.output, args.seed, args.safetensors):
            print(path)


def make(name: str, folder: Path, seed: int = 0, safetensors: bool = False) -> list[Path]:
    """Write a model's files into a folder. The same seed gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = RECIPES[name]
    save = save_safetensors if safetensors else save_pickle
    paths = []
    for index, network in enumerate(recipe.networks):
        model = build(network, f"{name} {index} {seed}")
        paths.append(save(package(network, model), network.signature, folder))
        print(f"{paths[-1].name}: {sum(p.numel() for p in model.parameters()):,} parameters", file=sys.stderr)
    signatures = [network.signature for network in recipe.networks]
    if signatures != [name]:
        paths.append(folder / f"{name}.yaml")
        facts = {"models": signatures, "weights": recipe.weights, "segment": recipe.segment}
        lines = [f"{key}: {json.dumps(value)}\n" for key, value in facts.items() if value is not None]
        paths[-1].write_text("".join(lines), "utf-8")
    return paths


def build(network: Network, seed: str) -> Any:
    """A network of that class with useful random weights."""
    import torch
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big"))
    klass = {"Demucs": Demucs, "HDemucs": HDemucs, "HTDemucs": HTDemucs}[network.klass]
    model = klass(sources=network.stems, **network.settings).eval()
    with torch.no_grad():
        for module in model.modules():
            if type(module).__name__ == "LayerScale":  # new: 0.001, branches hardly count; at 0.5 rounding is chaos
                module.scale.uniform_(0.05, 0.15)
        level(model)
    return model


def level(model: Any) -> None:
    """Set the last layers so that a song comes out at `LOUDNESS`, whatever the random weights make of it."""
    import torch

    branches = [model.decoder, *([model.tdecoder] if hasattr(model, "tdecoder") else [])]
    layers = [branch[-1].conv_tr if hasattr(branch[-1], "conv_tr") else branch[-1][-1] for branch in branches]
    in_time = layers[-1].weight  # [in, out, 8], stride 4: each frame is the sum of two taps
    taps = in_time.view(*in_time.shape[:2], -1, layers[-1].stride[0])
    taps -= taps.mean(2, keepdim=True)  # else the most of a stem is an offset
    layers[-1].bias.zero_()
    frames = 2 * model.samplerate
    song = torch.sin(torch.arange(frames) * 0.03) * 0.2 + torch.randn(1, 2, frames) * 0.1
    gain = float(f"{LOUDNESS / float(model(song).std()):.2g}")  # rounded: the same file from every machine's sums
    for layer in layers:
        layer.weight *= gain
        layer.bias *= gain


def package(network: Network, model: Any) -> dict[str, Any]:
    """What `demucs.states.serialize_model` makes of a model (that needs omegaconf), weights in half precision."""
    from demucs.states import get_state

    settings = {"sources": network.stems, **network.settings}
    state = get_state(model, None, half=True)
    return {"klass": type(model), "args": (), "kwargs": settings, "state": state, "training_args": {}}


def save_pickle(content: dict[str, Any], signature: str, folder: Path) -> Path:
    """`signature-digits.th`, the digits those of its own SHA-256. Another file of that signature is left alone."""
    from demucs.states import save_with_checksum

    others = set(folder.glob(f"{signature}-*.th"))
    save_with_checksum(content, folder / f"{signature}.th")
    made = next(iter(set(folder.glob(f"{signature}-*.th")) - others), None)
    if others and made:
        made.unlink()
        sys.exit(f"{folder} holds another {signature} already ({', '.join(path.name for path in others)})")
    return made or next(iter(others))


def save_safetensors(content: dict[str, Any], signature: str, folder: Path) -> Path:
    """`signature.safetensors` as on the hub (tools/export_hf.py of demucs): facts as JSON beside the tensors."""
    from safetensors.torch import save_file

    def encode(value: Any) -> Any:
        return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}

    facts = {
        "klass": f"{content['klass'].__module__}.{content['klass'].__name__}",
        "args": json.dumps(content["args"]),
        "kwargs": json.dumps(content["kwargs"], default=encode),
    }
    path = folder / f"{signature}.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in content["state"].items()}, path, metadata=facts)
    return path


if __name__ == "__main__":
    main()
