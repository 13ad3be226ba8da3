"""What has to be known of an ONNX model: a manifest, in TOML.

name = "UVR-MDX-NET-Voc_FT"        how `--model` calls it; letters, digits, dots, dashes and underscores
title = "MDX-Net for vocals"
kind = "mdx"                       or "waveform": sound in, the sound of each stem out
file = "UVR-MDX-NET-Voc_FT.onnx"   in the folder of models
url = "https://..."                where it is fetched from; may be left out
sha256 = "534b2070..."             of the file, or its first digits; bytes: its size
licence = "..."                    of the weights
stems = ["vocals"]                 what the network makes; what is missing to the song is the last stem
rate = 44100
segment_frames = 352800            of a waveform network; of "mdx" it follows from the transform
transform = { size = 7680, hop = 1024, bins = 3072, columns = 256 }    of "mdx"
compensation = 1.021               of "mdx": what its sound is multiplied by
quality = { vocals = 10.15 }       dB of SDR as published; quality_source: by whom, measured on what
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stem_cli import stems as table
from stem_cli.errors import EngineError
from stem_cli.models import ModelFile

MDX, WAVEFORM = "mdx", "waveform"
CHANNELS = 2
"""Of every network here: nobody publishes others."""
_LARGEST_BYTES = 100_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_UNKNOWN_LICENCE = "unknown: yours to judge"
_COMPENSATIONS = (0.5, 2.0)
_RATES = (8000, 192000)
_LARGEST_TRANSFORM = 1 << 16


@dataclass(frozen=True)
class Transform:
    """Of an MDX-Net. size: of the window; hop: frames; bins: the lowest ones, which the network hears; columns."""

    size: int
    hop: int
    bins: int
    columns: int

    @property
    def segment_frames(self) -> int:
        """Frames of sound that so many columns are made of."""
        return self.hop * (self.columns - 1)


@dataclass(frozen=True)
class Manifest:
    """See above. makes: the stems of the network; stems: those and what is missing to the song, in the table's order.

    segment_frames: None where the ONNX file says it. transform: of "mdx", else None.
    """

    name: str
    title: str
    kind: str
    file: ModelFile
    licence: str
    makes: tuple[str, ...]
    rate: int
    segment_frames: int | None = None
    transform: Transform | None = None
    compensation: float = 1.0
    quality: Mapping[str, float] = field(default_factory=dict, hash=False)
    quality_source: str = ""

    @property
    def rest(self) -> str | None:
        """The stem that is the song without what the network makes; None where that is everything."""
        if len(self.makes) > 1:
            return None if table.REMAINDER in self.makes else table.REMAINDER
        (only,) = self.makes
        return table.COMPLEMENTS.get(only) or table.TABLE[only].without

    @property
    def stems(self) -> tuple[str, ...]:
        """All that comes of a song."""
        return table.ordered((*self.makes, *([self.rest] if self.rest else [])))


def read(path: Path) -> Manifest:
    """Read a manifest. Raises EngineError that says what is wrong in it."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _senseless(path, "it is far too long for one")
        return parse(tomllib.loads(path.read_text("utf-8")), path)
    except OSError as error:
        raise EngineError(f"this manifest cannot be read ({error.strerror})", path) from error
    except (ValueError, RecursionError) as error:
        raise _senseless(path, f"it is no TOML ({error})") from error


def parse(found: Mapping[str, Any], path: Path) -> Manifest:
    """The manifest in a table of TOML that was read from `path`. Raises EngineError."""
    facts = _Facts(found, path)
    kind = facts.text("kind")
    if kind not in (MDX, WAVEFORM):
        raise _senseless(path, f"its kind is {kind!r}, and only {MDX!r} and {WAVEFORM!r} are known")
    manifest = Manifest(
        name=facts.name(),
        title=facts.text("title", "a model of your own"),
        kind=kind,
        file=facts.file(),
        licence=facts.text("licence", _UNKNOWN_LICENCE),
        makes=facts.stems(),
        rate=facts.whole("rate", *_RATES, 44100),
        segment_frames=facts.whole("segment_frames", 1, 1 << 26) if "segment_frames" in found else None,
        transform=_transform(facts) if kind == MDX else None,
        compensation=facts.number("compensation", *_COMPENSATIONS, 1.0),
        quality=facts.quality(),
        quality_source=facts.text("quality_source", ""),
    )
    if kind == MDX and len(manifest.makes) > 1:
        raise _senseless(path, f"an MDX-Net makes one stem, not {len(manifest.makes)}")
    facts.all_known()
    return manifest


def to_text(manifest: Manifest) -> str:
    """The manifest as a file holds it."""
    import tomlkit

    facts: dict[str, Any] = {
        "name": manifest.name,
        "title": manifest.title,
        "kind": manifest.kind,
        "file": manifest.file.name,
        "url": manifest.file.url,
        "sha256": manifest.file.sha256,
        "bytes": manifest.file.bytes,
        "licence": manifest.licence,
        "stems": list(manifest.makes),
        "rate": manifest.rate,
        "segment_frames": manifest.segment_frames,
        "transform": None if manifest.transform is None else asdict(manifest.transform),
        "compensation": manifest.compensation,
        "quality": dict(manifest.quality),
        "quality_source": manifest.quality_source,
    }
    return tomlkit.dumps({name: value for name, value in facts.items() if value not in (None, "", {})})


def _transform(facts: _Facts) -> Transform:
    found = facts.found.get("transform")
    if not isinstance(found, dict):
        raise _senseless(facts.path, "an MDX-Net needs a transform: size, hop, bins and columns")
    inner = _Facts(found, facts.path, "transform.")
    transform = Transform(*(inner.whole(name, 2, _LARGEST_TRANSFORM) for name in ("size", "hop", "bins", "columns")))
    inner.all_known()
    if transform.bins > transform.size // 2 + 1:
        raise _senseless(facts.path, f"a transform of size {transform.size} has not {transform.bins} bins")
    if transform.hop > transform.size or transform.segment_frames <= transform.size:
        raise _senseless(facts.path, "its transform's hop, size and columns do not fit one another")
    return transform


@dataclass
class _Facts:
    """The entries of a table, each asked for once. within: the name of the table, with a dot."""

    found: Mapping[str, Any]
    path: Path
    within: str = ""
    asked: set[str] = field(default_factory=set)

    def text(self, name: str, default: str | None = None) -> str:
        value = self._value(name, default)
        if not isinstance(value, str) or not value.isprintable():
            raise self._wrong(name, value, "text")
        return value

    def name(self) -> str:
        name = self.text("name")
        if not _NAME.fullmatch(name):
            raise self._wrong("name", name, "letters, digits, dots, dashes and underscores")
        return name

    def number(self, name: str, least: float, most: float, default: float) -> float:
        value = self._value(name, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            raise self._wrong(name, value, f"a number from {least:g} to {most:g}")
        return float(value)

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int:
        value = self._value(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self._wrong(name, value, f"a whole number from {least} to {most}")
        return value

    def file(self) -> ModelFile:
        name, sha256 = self.text("file"), self.text("sha256", "")
        if Path(name).name != name or not name.endswith(".onnx"):
            raise self._wrong("file", name, "the name of an .onnx file, without a folder")
        if not re.fullmatch(r"(?:[0-9a-fA-F]{8,64})?", sha256):
            raise self._wrong("sha256", sha256, "8 to 64 hexadecimal digits")
        size = self.whole("bytes", 1, 1 << 40) if "bytes" in self.found else None
        self.asked.add("bytes")
        url = self.text("url", "")
        if url and not url.startswith(("https://", "http://")):
            raise self._wrong("url", url, "an address, https://...")
        return ModelFile(name, url, sha256.lower(), size)

    def stems(self) -> tuple[str, ...]:
        names = self._value("stems", None)
        known = {*table.TABLE, *table.COMPLEMENTS}
        if (
            not isinstance(names, list)
            or not names
            or not all(isinstance(name, str) and name in known for name in names)
        ):
            raise self._wrong("stems", names, f"a list of these: {', '.join(table.TABLE)}, or one of them left out")
        if len(set(names)) < len(names) or (len(names) > 1 and set(names) & set(table.COMPLEMENTS)):
            raise self._wrong("stems", names, "stems that add up to no more than the song, each once")
        return tuple(names)

    def quality(self) -> dict[str, float]:
        found = self._value("quality", {})
        if not isinstance(found, dict):
            raise self._wrong("quality", found, "a table of numbers by stem")
        inner = _Facts(found, self.path, "quality.")
        return {name: inner.number(name, -100.0, 100.0, 0.0) for name in found}

    def all_known(self) -> None:
        """Raises EngineError for an entry that nobody asked for: a slip of the pen is not passed over."""
        self.asked |= {"segment_frames", "transform"} if not self.within else set()
        if unknown := sorted(set(self.found) - self.asked):
            raise _senseless(self.path, f"{self.within}{unknown[0]} is not known")

    def _value(self, name: str, default: Any) -> Any:
        self.asked.add(name)
        if name not in self.found and default is None:
            raise _senseless(self.path, f"{self.within}{name} is missing")
        return self.found.get(name, default)

    def _wrong(self, name: str, value: object, wanted: str) -> EngineError:
        return _senseless(self.path, f"{self.within}{name} is {value!r} instead of {wanted}")


def _senseless(path: Path, why: str) -> EngineError:
    return EngineError(f"this is no manifest of a model: {why}", path, "docs/engines.md says what belongs into one.")
