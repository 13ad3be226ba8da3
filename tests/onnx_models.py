"""ONNX models of random weights: an MDX-Net in small and a network from sound to sound, with their manifests."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

SIZE, HOP, BINS, COLUMNS = 1024, 512, 256, 64
"""Of the small MDX-Net: segments of 0.7 s."""
FRAMES = 20000
"""Of the network from sound to sound."""
MANIFEST = {
    "mdx": f'kind = "mdx"\nstems = ["vocals"]\ntransform = {{ size = {SIZE}, hop = {HOP}, bins = {BINS}, columns = {COLUMNS} }}\n',  # noqa: E501
    "waveform": f'kind = "waveform"\nstems = ["drums", "bass", "other", "vocals"]\nsegment_frames = {FRAMES}\n',
}


def write_onnx(folder: Path, kind: str, name: str = "", seed: int = 0) -> Path:
    """`NAME.onnx` and `NAME.toml` in a folder; gives the first. name: `small_KIND` if it is not given."""
    import torch

    torch.manual_seed(seed)
    name, network = name or f"small_{kind}", _mdx_net() if kind == "mdx" else _waveform_net()
    example = torch.randn(1, 4, BINS, COLUMNS) if kind == "mdx" else torch.randn(1, 2, FRAMES)
    export(network, example, folder / f"{name}.onnx")
    manifest = f'name = "{name}"\nfile = "{name}.onnx"\n{MANIFEST[kind]}'
    (folder / f"{name}.toml").write_text(manifest, "utf-8")
    return folder / f"{name}.onnx"


def export(network: Any, example: Any, path: Path) -> None:
    """By torch's older exporter, whose one use of the package onnx is not needed here."""
    import torch
    from torch.onnx._internal.torchscript_exporter import onnx_proto_utils as utils

    names: dict[str, Any] = {"input_names": ["input"], "output_names": ["output"]}
    names["dynamic_axes"] = {"input": {0: "batch"}, "output": {0: "batch"}}
    with mock.patch.object(utils, "_add_onnxscript_fn", lambda made, _functions: made), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network.eval(), (example,), str(path), opset_version=17, dynamo=False, **names)


def _mdx_net() -> Any:
    """Convolutions over bins and columns, and one layer over all bins of a column: what an MDX-Net is made of."""
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(4, 8, 1), nn.Conv2d(8, 4, 1, bias=False)
            self.near = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.ReLU())
            self.far = nn.Sequential(nn.Linear(BINS, 16, bias=False), nn.ReLU(), nn.Linear(16, BINS, bias=False))

        def forward(self, heard: Any) -> Any:
            deep = torch.relu(self.first(heard) - self.first(torch.zeros_like(heard)))
            deep = deep + self.near(deep)
            return self.last(deep + self.far(deep.transpose(-1, -2)).transpose(-1, -2))

    return Net()


def _waveform_net() -> Any:
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = nn.Sequential(
                nn.Conv1d(2, 16, 9, padding=4, bias=False), nn.Tanh(), nn.Conv1d(16, 8, 1, bias=False)
            )

        def forward(self, heard: Any) -> Any:
            return torch.reshape(self.inside(heard), (-1, 4, 2, FRAMES))

    return Net()


@pytest.fixture(scope="session")
def onnx_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model of each kind: small_mdx, small_waveform."""
    pytest.importorskip("torch", reason='pip install "stem-cli[demucs]"')
    folder = tmp_path_factory.mktemp("onnx")
    for kind in MANIFEST:
        write_onnx(folder, kind)
    return folder
