"""What the yaml of a RoFormer or an MDX23C says, checked: whatever is built of it is of a sane size.

Sections and defaults are those of audio-separator 0.47.1 (`configuration_normalizer.py`, `roformer_loader.py`,
`mdxc_separator.py`), so that the same yaml makes the same network; where it does not say how long a segment is in
columns (`inference.dim_t`), as the yaml files of ZFTurbo's training do not, `audio.chunk_size` says it in frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stem_cli import stems as table
from stem_cli.engines.uvr import names
from stem_cli.engines.uvr.safe_yaml import read_yaml, senseless, told
from stem_cli.errors import EngineError

BS, MEL, MDX23C = "bs_roformer", "mel_band_roformer", "mdx23c"
ROFORMERS = (BS, MEL)
CHANNELS = 2
"""Of every published network."""
_RATE, _SIZE, _HOP, _WINDOWS = 44100, 2048, 512, 8
"""Where a yaml does not say it: samples per second, frames of the Fourier transform and from one to the next, and how
many segments cover a frame."""
_MOST_STEMS, _MOST_BANDS = 16, 1024
_LONGEST_SECONDS = 60.0
_ALIASES = {
    "n_fft": "stft_n_fft", "hop_length": "stft_hop_length", "win_length": "stft_win_length", "n_heads": "heads",
    "num_heads": "heads", "head_dim": "dim_head", "expansion_factor": "mlp_expansion_factor",
    "mlp_ratio": "mlp_expansion_factor", "freq_bands": "freqs_per_bands", "frequency_bands": "freqs_per_bands",
    "mel_bands": "num_bands", "n_mels": "num_bands",
}  # fmt: skip
"""Other words for settings of a RoFormer."""
_NUMBERS: dict[str, tuple[int, int, int | None]] = {
    "dim": (1, 4096, None), "depth": (1, 64, None), "time_transformer_depth": (1, 32, 2),
    "freq_transformer_depth": (1, 32, 2), "dim_head": (1, 1024, 64),
    "heads": (1, 64, 8), "mlp_expansion_factor": (1, 16, 4),
}  # fmt: skip
"""Of both RoFormers: least, most, default."""
_CONVOLUTIONS: dict[str, tuple[int, int, int | None]] = {
    "bottleneck_factor": (1, 256, None), "growth": (0, 512, None), "num_blocks_per_scale": (1, 16, None),
    "num_channels": (1, 1024, None), "num_scales": (1, 10, None), "num_subbands": (1, 64, None),
}  # fmt: skip
"""Of an MDX23C."""


@dataclass(frozen=True)
class Layout:
    """How sound goes into a network. kind: BS, MEL or MDX23C. size, hop: of the Fourier transform, frames.

    columns: of a segment. windows: how many segments cover each frame. bins: the lowest ones, which an MDX23C hears.
    """

    kind: str
    rate: int
    size: int
    hop: int
    columns: int
    windows: int
    bins: int

    @property
    def segment(self) -> int:
        """Frames of a segment."""
        return self.hop * (self.columns - 1)


@dataclass(frozen=True)
class Config:
    """A checked yaml. makes: the stems of the network, in its order. settings: of its class."""

    layout: Layout
    makes: tuple[str, ...]
    settings: Mapping[str, Any]


def read(path: Path, makes: tuple[str, ...] = ()) -> Config:
    """Read a model's yaml. makes: its stems by our names where a table knows them better than the yaml.

    Raises EngineError that says what is wrong in it, and for stems that we do not know.
    """
    sections = read_yaml(path)
    training = _Section(sections, "training", path)
    outputs = _makes(training, makes)
    kind = _kind(sections, path)
    if kind == MDX23C:
        return _mdx23c(sections, outputs, path)
    return _roformer(kind, sections, outputs, path)


def _kind(sections: Mapping[str, Any], path: Path) -> str:
    """By the settings that only one kind has."""
    model = _roformer_settings(sections, path)
    kinds = {BS: "freqs_per_bands", MEL: "num_bands", MDX23C: "num_scales"}
    found = [kind for kind, setting in kinds.items() if setting in model]
    if len(found) != 1:
        what = (
            "it is none of a BS-RoFormer (freqs_per_bands), a Mel-Band RoFormer (num_bands) or an MDX23C (num_scales)"
        )
        raise senseless(path, what if not found else f"it is of {len(found)} kinds at once")
    return found[0]


def _roformer_settings(sections: Mapping[str, Any], path: Path) -> dict[str, Any]:
    model = _Section(sections, "model", path).found
    return {_ALIASES.get(str(name), str(name)): value for name, value in model.items()}


def _roformer(kind: str, sections: Mapping[str, Any], makes: tuple[str, ...], path: Path) -> Config:
    model = _Section({"model": _roformer_settings(sections, path)}, "model", path)
    settings: dict[str, Any] = {name: model.whole(name, *limits) for name, limits in _NUMBERS.items()}
    size = model.whole("stft_n_fft", 64, 1 << 16, _SIZE)
    hop = model.whole("stft_hop_length", 1, size, _HOP)
    if model.whole("stft_win_length", 64, 1 << 16, _SIZE) != size:
        raise senseless(path, "its windows (stft_win_length) are not as long as its Fourier transform (stft_n_fft)")
    if model.found.get("stereo") is not True:
        raise senseless(path, "its network is not stereo")
    if model.whole("num_stems", 1, _MOST_STEMS, len(makes)) != len(makes):
        raise senseless(path, f"its network has {model.found['num_stems']} stems, and {len(makes)} are named")
    settings |= {
        "stereo": True,
        "num_stems": len(makes),
        "stft_n_fft": size,
        "stft_hop_length": hop,
        "stft_win_length": size,
        "mask_estimator_depth": model.whole("mask_estimator_depth", 1, 8, 2 if kind == BS else 1),
    }
    audio = _Section(sections, "audio", path, needed=False)
    rate = audio.whole("sample_rate", 8000, 192000, model.whole("sample_rate", 8000, 192000, _RATE))
    if kind == BS:
        settings |= {
            "freqs_per_bands": _bands(model, size // 2 + 1),
            "linear_transformer_depth": model.whole("linear_transformer_depth", 0, 32, 0),
        }
    else:
        settings |= {
            "num_bands": model.whole("num_bands", 2, _MOST_BANDS),
            "sample_rate": model.whole("sample_rate", 8000, 192000, _RATE),
            "stft_normalized": bool(model.found.get("stft_normalized", False)),
        }
    layout = Layout(kind, rate, size, hop, _columns(sections, hop, path), _windows(sections, path), size // 2 + 1)
    return Config(_checked(layout, path), makes, settings)


def _bands(model: _Section, bins: int) -> tuple[int, ...]:
    found = model.found["freqs_per_bands"]
    if not isinstance(found, list | tuple) or not 1 < len(found) <= _MOST_BANDS or not all(map(_is_count, found)):
        raise model.wrong("freqs_per_bands", found, "a list of whole numbers")
    if sum(found) != bins:
        raise senseless(model.path, f"its bands (freqs_per_bands) have {sum(found)} bins instead of {bins}")
    return tuple(found)


def _mdx23c(sections: Mapping[str, Any], makes: tuple[str, ...], path: Path) -> Config:
    model, audio = _Section(sections, "model", path), _Section(sections, "audio", path)
    settings: dict[str, Any] = {name: model.whole(name, *limits) for name, limits in _CONVOLUTIONS.items()}
    scale = model.found.get("scale")
    if not isinstance(scale, list | tuple) or len(scale) != CHANNELS or not all(map(_is_count, scale)):
        raise model.wrong("scale", scale, "two whole numbers")
    if audio.whole("num_channels", 1, CHANNELS, CHANNELS) != CHANNELS:
        raise senseless(path, "its network is not stereo")
    size = audio.whole("n_fft", 64, 1 << 16)
    hop, bins = audio.whole("hop_length", 1, size), audio.whole("dim_f", 1, size // 2 + 1)
    settings |= {"scale": tuple(scale), "norm": model.found.get("norm"), "act": model.found.get("act", "gelu")}
    if not all(value is None or isinstance(value, str) for value in (settings["norm"], settings["act"])):
        raise senseless(path, "its norm or its act is no name")
    rate = audio.whole("sample_rate", 8000, 192000, _RATE)
    layout = Layout(MDX23C, rate, size, hop, _columns(sections, hop, path), _windows(sections, path), bins)
    least = settings["num_subbands"] * scale[1] ** settings["num_scales"]
    if bins % least or layout.columns % scale[0] ** settings["num_scales"]:
        raise senseless(path, "its bins or columns cannot be halved as often as its network does")
    return Config(_checked(layout, path), makes, settings)


def _columns(sections: Mapping[str, Any], hop: int, path: Path) -> int:
    inference = _Section(sections, "inference", path, needed=False)
    if "dim_t" in inference.found:
        return inference.whole("dim_t", 2, 1 << 20)
    audio = _Section(sections, "audio", path, needed=False)
    return audio.whole("chunk_size", hop, 1 << 30) // hop + 1


def _windows(sections: Mapping[str, Any], path: Path) -> int:
    return _Section(sections, "inference", path, needed=False).whole("num_overlap", 1, 100, _WINDOWS)


def _checked(layout: Layout, path: Path) -> Layout:
    """Raises EngineError for segments that are shorter than a window needs, or absurdly long."""
    if not layout.size < layout.segment <= _LONGEST_SECONDS * layout.rate:
        raise senseless(path, f"its segments have {layout.segment} frames")
    return layout


def _makes(training: _Section, makes: tuple[str, ...]) -> tuple[str, ...]:
    """What the network makes. Raises EngineError."""
    found, target = training.found.get("instruments"), training.found.get("target_instrument") or None
    if not isinstance(found, list | tuple) or not 0 < len(found) <= _MOST_STEMS or not all(map(_is_text, found)):
        raise training.wrong("instruments", found, "a list of names")
    if target is not None and not _is_text(target):
        raise training.wrong("target_instrument", target, "a name")
    named = [target] if target else list(found)
    if makes and len(makes) != len(named):
        raise senseless(training.path, f"it names {len(named)} stems, this model makes {len(makes)}")
    ours = makes or names.stems_of(found, target)
    strange = [theirs for theirs, our in zip(named, ours, strict=True) if our is None]
    known = tuple(name for name in ours if name is not None)
    if strange or len(set(known)) < len(named):
        what = f"stems that we do not know: {', '.join(map(ascii, strange))}" if strange else "a stem twice"
        raise EngineError(f"this model makes {what}", training.path, f"Stems can be: {', '.join(table.TABLE)}.")
    return known


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 1 << 16


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


class _Section:
    """One section of a yaml."""

    def __init__(self, sections: Mapping[str, Any], name: str, path: Path, needed: bool = True) -> None:
        found = sections.get(name)
        if not isinstance(found, dict) and (needed or found is not None):
            raise senseless(path, f"it has no section {name!r}")
        self.name, self.path, self.found = name, path, found if isinstance(found, dict) else {}

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number. Raises EngineError where it is none, out of its limits, or missing without a default."""
        value = self.found.get(name, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(name, value, f"a whole number from {least} to {most}")
        return value

    def wrong(self, name: str, value: object, wanted: str) -> EngineError:
        """The error of a value that makes no sense."""
        return senseless(self.path, f"{self.name}.{name} is {told(value)} instead of {wanted}")
