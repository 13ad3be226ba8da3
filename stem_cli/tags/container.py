"""Tags of everything else that FFmpeg opens: MKV, WebM, WMA, WavPack, RF64 and so on. For reading only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stem_cli.errors import InputError
from stem_cli.tags import id3, vorbis
from stem_cli.tags.fields import FRONT, Pictures, Values

if TYPE_CHECKING:
    from av.container import InputContainer

TABLE: dict[str, tuple[str, ...]] = {
    field: (*names, *(name.removeprefix("TXXX:") for name in id3.TABLE[field])) for field, names in vorbis.TABLE.items()
}


def read(path: Path) -> tuple[Values, Pictures]:
    """What the container says, and where it says nothing, what its first audio stream says."""
    import av

    try:
        with av.open(path, metadata_errors="replace") as container:
            said = [container.metadata, *(stream.metadata for stream in container.streams.audio[:1])]
            values = {name.lower(): [text] for texts in reversed(said) for name, text in texts.items()}
            return values, _pictures(container)
    except (av.FFmpegError, OSError, ValueError) as fault:
        raise InputError(f"FFmpeg finds no tags in it ({fault})", path) from fault


def _pictures(container: InputContainer) -> Pictures:
    """The pictures that are attached as streams of one frame."""
    from av.stream import Disposition

    attached = [stream for stream in container.streams.video if stream.disposition & Disposition.attached_pic]
    if not attached:
        return []
    return [(FRONT, bytes(packet)) for packet in container.demux(attached) if packet.size]
