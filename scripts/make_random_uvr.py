"""Models with random weights and the real architectures of the UVR world, in the real file formats.

Usage: make_random_uvr.py KIND FOLDER [--small]

KIND: mdx (MDX-Net, ONNX); bs, bs6 (six stems), leap, mel, mdx23c (weights as random_KIND.ckpt, random_KIND.yaml);
vr (VR network, .pth; --small is one of the older kind). Needs `pip install "stem-cli[uvr]"`: the architectures are
audio-separator's.
"""

from __future__ import annotations

import argparse
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml

COLUMNS, HOP = 256, 1024
SIZES: dict[str, dict[str, int]] = {
    "real": {"bins": 3072, "size": 7680, "blocks": 11, "layers": 3, "growth": 48, "bottleneck": 8},
    "small": {"bins": 1024, "size": 2048, "blocks": 5, "layers": 1, "growth": 8, "bottleneck": 8},
}
"""Those of UVR-MDX-NET-Voc_FT, and small ones that are quick in tests."""


def mdx(folder: Path, small: bool, seed: int = 0) -> Path:
    """An MDX-Net as `random_mdx.onnx`, with the manifest of its transform beside it."""
    sizes = SIZES["small" if small else "real"]
    path = folder / "random_mdx.onnx"
    torch.manual_seed(seed)
    network = _conv_tdf_net(sizes).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # statistics as if it had been trained
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    example = torch.randn(1, 4, sizes["bins"], COLUMNS)
    axes = {"input": {0: "batch"}, "output": {0: "batch"}}
    names = {"input_names": ["input"], "output_names": ["output"], "dynamic_axes": axes}
    torch.onnx.export(network, (example,), str(path), opset_version=17, dynamo=False, **names)
    (folder / "random_mdx.toml").write_text(_manifest(sizes), "utf-8")
    return path


def _conv_tdf_net(sizes: dict[str, int]) -> Any:
    """Without pytorch_lightning, which audio-separator's class names and does not need."""
    stub: Any = types.ModuleType("pytorch_lightning")
    stub.LightningModule = torch.nn.Module
    sys.modules.setdefault("pytorch_lightning", stub)
    from audio_separator.separator.uvr_lib_v5.mdxnet import ConvTDFNet

    return ConvTDFNet(
        "vocals", 1e-4, "rmsprop", 4, sizes["bins"], COLUMNS, sizes["size"], HOP,
        num_blocks=sizes["blocks"], l=sizes["layers"], g=sizes["growth"], k=3, bn=sizes["bottleneck"],
        bias=False, overlap=0,
    )  # fmt: skip


def _manifest(sizes: dict[str, int]) -> str:
    return (
        'name = "random_mdx"\nkind = "mdx"\nfile = "random_mdx.onnx"\nstems = ["vocals"]\n'
        f"transform = {{ size = {sizes['size']}, hop = {HOP}, bins = {sizes['bins']}, columns = {COLUMNS} }}\n"
    )


Sections = dict[str, dict[str, Any]]
_DEFAULT_BANDS = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)
_LEAP_BANDS = (2,) * 36 + (4,) * 24 + (12,) * 14 + (24,) * 8 + (48,) * 6 + (112, 97)
_SMALL_BANDS = (4,) * 8 + (32,) * 7 + (257,)
_TRANSFORM = {"stft_n_fft": 2048, "stft_hop_length": 441, "stft_win_length": 2048, "stft_normalized": False}
_SMALL_TRANSFORM = {"stft_n_fft": 1024, "stft_hop_length": 256, "stft_win_length": 1024, "stft_normalized": False}
_LOSS = {"multi_stft_resolution_loss_weight": 1.0, "multi_stft_resolutions_window_sizes": (4096, 2048, 1024, 512, 256),
         "multi_stft_hop_size": 147, "multi_stft_normalized": False}  # fmt: skip
_TRANSFORMERS = {"stereo": True, "num_stems": 1, "time_transformer_depth": 1, "freq_transformer_depth": 1,
                 "linear_transformer_depth": 0, "attn_dropout": 0, "ff_dropout": 0, "flash_attn": True}  # fmt: skip
_VOCALS = {"instruments": ["vocals", "other"], "target_instrument": "vocals", "use_amp": True}
_SIX = {"instruments": ["bass", "drums", "other", "vocals", "guitar", "piano"], "target_instrument": None}
_REAL = {"dim_head": 64, "heads": 8}
_SMALL: dict[str, Any] = {"dim": 16, "depth": 2, "dim_head": 8, "heads": 2}


def sections(kind: str, small: bool) -> Sections:
    """What stands in the yaml of a model. Real: ep_317 (bs), SW (bs6), Leap XE, Kim's (mel), InstVoc HQ (mdx23c)."""
    if kind == "mdx23c":
        return _mdx23c(small)
    sizes = {"bs": (512, 12), "bs6": (256, 12), "leap": (256, 16), "mel": (384, 6)}[kind]
    model: dict[str, Any] = {"dim": sizes[0], "depth": sizes[1], **_TRANSFORMERS, **_REAL, "mask_estimator_depth": 2}
    model |= {**_TRANSFORM, **_LOSS, **(_SMALL | _SMALL_TRANSFORM if small else {})}
    if kind == "mel":
        model |= {"num_bands": 16 if small else 60, "sample_rate": 44100}
    else:
        model["freqs_per_bands"] = _SMALL_BANDS if small else _LEAP_BANDS if kind == "leap" else _DEFAULT_BANDS
    if kind in ("leap", "bs6") and not small:
        model["stft_hop_length"] = 512
    if kind == "leap":
        model |= {"mlp_expansion_factor": 2 if small else 4, "skip_connection": False}
    if kind == "bs6":
        model["num_stems"] = len(_SIX["instruments"])
    hop, columns = model["stft_hop_length"], 151 if small else 1151 if kind == "bs6" else 801
    return {
        "audio": {"chunk_size": hop * (columns - 1), "dim_f": 1024, "dim_t": columns, "hop_length": hop,
                  "n_fft": model["stft_n_fft"], "num_channels": 2, "sample_rate": 44100, "min_mean_abs": 0.0},
        "model": model,
        "training": dict(_SIX if kind == "bs6" else _VOCALS),
        "inference": {"batch_size": 1, "dim_t": columns, "num_overlap": 2},
    }  # fmt: skip


def _mdx23c(small: bool) -> Sections:
    size, hop, columns, bins = (1024, 512, 128, 512) if small else (8192, 1024, 256, 4096)
    wide = (
        {"growth": 4, "num_channels": 8, "num_scales": 2, "num_blocks_per_scale": 1}
        if small
        else {"growth": 128, "num_channels": 128}
    )
    return {
        "audio": {"chunk_size": hop * (columns - 1), "dim_f": bins, "dim_t": columns, "hop_length": hop, "n_fft": size,
                  "num_channels": 2, "sample_rate": 44100, "min_mean_abs": 0.001},
        "model": {"act": "gelu", "bottleneck_factor": 4, "norm": "InstanceNorm", "num_blocks_per_scale": 2,
                  "num_scales": 5, "num_subbands": 4, "scale": [2, 2], **wide},
        "training": {"instruments": ["Vocals", "Instrumental"], "target_instrument": None},
        "inference": {"batch_size": 1, "dim_t": columns, "num_overlap": 2 if small else 4},
    }  # fmt: skip


def by_yaml(folder: Path, name: str, found: Sections, seed: int = 0) -> Path:
    """`NAME.ckpt` and `NAME.yaml`, as published models lie; gives the first."""
    torch.manual_seed(seed)
    path = folder / f"{name}.ckpt"
    (folder / f"{name}.yaml").write_text(yaml.dump(found, sort_keys=False), "utf-8")
    network = _network(found)
    for key, parameter in network.named_parameters():
        if key.endswith("gamma") or ("norm" in key and parameter.ndim == 1):
            parameter.data.uniform_(0.5, 1.5)  # as if it had been trained
    torch.save(network.state_dict(), path)
    return path


def _network(found: Sections) -> Any:
    """As audio-separator makes it of that yaml."""
    if "num_scales" in found["model"]:
        from audio_separator.separator.uvr_lib_v5.tfc_tdf_v3 import TFC_TDF_net
        from ml_collections import ConfigDict

        return TFC_TDF_net(ConfigDict(found), device="cpu")
    from audio_separator.separator.roformer.roformer_loader import RoformerLoader

    loader = RoformerLoader()
    make = loader._create_mel_band_roformer if "num_bands" in found["model"] else loader._create_bs_roformer
    return make(found["model"])


def _by_kind(kind: str) -> Callable[[Path, bool], Path]:
    return lambda folder, small: by_yaml(folder, f"random_{kind}", sections(kind, small))


BY_YAML = ("bs", "bs6", "leap", "mel", "mdx23c")


def vr(folder: Path, small: bool, seed: int = 0) -> Path:
    """A VR network as `random_vr.pth`, its parameters beside it: VR 5.1 of 222 MB, or the smallest there is, 32 MB.

    audio-separator tells the networks apart by the size of the file, in KiB.
    """
    from audio_separator.separator.uvr_lib_v5.vr_network import nets, nets_new

    path = folder / "random_vr.pth"
    torch.manual_seed(seed)
    bins = 672  # of both kinds of bands
    old = nets.determine_model_capacity(bins * 2, 31191) if small else None
    network = old or nets_new.CascadedNet(bins * 2, 218409, nout=16, nout_lstm=64)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    torch.save(network.state_dict(), path)
    facts = 'bands = "4band_v2"' if small else 'bands = "4band_v3"\nnout = 16\nnout_lstm = 64'
    (folder / "random_vr.toml").write_text(f'{facts}\nstem = "vocals"\n', "utf-8")
    return path


KINDS: dict[str, Callable[[Path, bool], Path]] = {"mdx": mdx, "vr": vr, **{kind: _by_kind(kind) for kind in BY_YAML}}


def main() -> None:
    """Write one model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    print(KINDS[given.kind](given.folder, given.small))


if __name__ == "__main__":
    main()
