"""Models with random weights and the real architectures of the UVR world, in the real file formats.

Usage: make_random_uvr.py KIND FOLDER [--small]

KIND: mdx (MDX-Net, ONNX), vr (VR network, .pth; --small is one of the older kind). Needs
`pip install "stem-cli[uvr]"`: the architectures are audio-separator's.
"""

from __future__ import annotations

import argparse
import sys
import types
from pathlib import Path
from typing import Any

import torch

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


KINDS = {"mdx": mdx, "vr": vr}


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
