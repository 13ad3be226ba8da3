"""The formats we write: what each can hold, as a table."""

from __future__ import annotations

from dataclasses import dataclass

DEPTHS = ("16", "24", "float")
"""Bit depths of `--bit-depth`: integers of 16 or 24 bits, or 32-bit float."""


@dataclass(frozen=True)
class Format:
    """One output format.

    name: as in `--format`. suffix: of the file. exact: holds integers without loss. depths: those it can hold.
    rates: sample rates it can hold, None is any of 8-192 kHz. largest: bytes of a file, None is no limit.
    """

    name: str
    suffix: str
    exact: bool
    depths: tuple[str, ...]
    rates: tuple[int, ...] | None = None
    largest: int | None = None

    def holds_rate(self, rate: int) -> bool:
        """Whether songs of this sample rate can be written in this format."""
        return self.rates is None or rate in self.rates


_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (*_MPEG_RATES[:2], 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_FORM_LIMIT = 2**32 - 2**20  # AIFF counts bytes in 32 bits; leaves room for tags

FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format("wav", ".wav", exact=True, depths=("16", "24", "float")),
        Format("flac", ".flac", exact=True, depths=("16", "24")),
        Format("aiff", ".aiff", exact=True, depths=("16", "24"), largest=_FORM_LIMIT),
        Format("alac", ".m4a", exact=True, depths=("16", "24")),
        Format("aac", ".m4a", exact=False, depths=("16", "24"), rates=_AAC_RATES),
        Format("mp3", ".mp3", exact=False, depths=("16", "24"), rates=_MPEG_RATES),
    )
}
