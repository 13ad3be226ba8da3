"""Where the stems of a song go and what each file is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stem_cli import stems
from stem_cli.errors import UsageError
from stem_cli.folder import names
from stem_cli.settings import Settings
from stem_cli.track import Track

METADATA = "metadata.json"
FLAT_METADATA = ".stems.json"
_HASH = "_{hash8}"
_WITH_ARTIST = "{artist} - {title}_{hash8}"
_WITHOUT_ARTIST = "{title}_{hash8}"
_FLAT = "{name}"


@dataclass(frozen=True)
class Place:
    """The place of one song's stems.

    home: the folder that holds the files. prefix: of the names in the flat layout ("Song"), else "".
    """

    home: Path
    prefix: str = ""

    @property
    def flat(self) -> bool:
        """Side by side with the stems of other songs."""
        return bool(self.prefix)

    @property
    def metadata(self) -> Path:
        """The file that says what lies here."""
        return self.home / (f"{self.prefix}{FLAT_METADATA}" if self.flat else METADATA)

    @property
    def label(self) -> str:
        """A short name for temporary folders and messages."""
        return self.prefix or self.home.name

    @property
    def parent(self) -> Path:
        """Where a temporary sibling belongs."""
        return self.home if self.flat else self.home.parent

    def file_name(self, stem: str, suffix: str) -> str:
        """``vocals.wav``, or ``Song_Lead_Vocals.wav`` in the flat layout."""
        return f"{self.prefix}_{stems.title(stem).replace(' ', '_')}{suffix}" if self.flat else f"{stem}{suffix}"


def place_for(track: Track, settings: Settings, engine: str = "", span: str = "") -> Place:
    """The place of a song's stems, as the settings want it.

    span: as text, where only a stretch is separated; it is part of every name, so that stretches of one song do not
    meet. Raises UsageError where the song does not lie under `mirror` or the template has unknown fields.
    """
    root = _root(track.path, settings.output, settings.mirror)
    fields = _fields(track, engine, span)
    if settings.layout == "flat":
        relative = names.from_template(_with_span(settings.name_template or _FLAT, span), fields)
        return Place(root / relative.parent, relative.name)
    template = settings.name_template or (_WITH_ARTIST if track.artist else _WITHOUT_ARTIST)
    return Place(root / names.from_template(_with_span(template, span), fields))


def _with_span(template: str, span: str) -> str:
    """The template with the span in front of the hash, or at the end where it has none."""
    if not span or "{span}" in template:
        return template
    return template.removesuffix(_HASH) + " {span}" + (_HASH if template.endswith(_HASH) else "")


def _root(path: Path, output: str, mirror: str) -> Path:
    root = path.absolute().parent if output == "same" else Path(output).expanduser()
    if not mirror:
        return root
    if output == "same":
        raise UsageError("--mirror needs a folder to write to", path, "Give --output a folder instead of 'same'.")
    try:
        return root / path.resolve().parent.relative_to(Path(mirror).expanduser().resolve())
    except ValueError as error:
        raise UsageError(f"it does not lie under {mirror}", path, "Give --mirror a folder above the song.") from error


def _fields(track: Track, engine: str, span: str) -> dict[str, str]:
    """What a template may name; a missing tag is an empty text."""
    bpm = track.tags.bpm
    return {
        "artist": track.artist,
        "title": track.title,
        "album": track.tags.album or "",
        "genre": track.tags.genre or "",
        "year": track.tags.year or "",
        "bpm": "" if bpm is None else f"{bpm:g}",
        "key": track.tags.key or "",
        "name": track.path.stem,
        "hash8": track.digest[:8],
        "engine": engine,
        "span": span,
    }
