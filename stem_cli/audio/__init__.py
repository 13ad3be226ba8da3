"""Sound in and out: the only place that decodes or encodes.

`probe` says what a file is, `Mix` gives it as blocks of float32 [channels, frames], `open_sink` writes blocks out,
`fingerprint` tells one recording from another whatever its tags say.
"""

from stem_cli.audio.ahead import ahead
from stem_cli.audio.fingerprint import Fingerprint, fingerprint, require_whole
from stem_cli.audio.formats import DEPTHS, FORMATS, Format
from stem_cli.audio.mix import BLOCK_FRAMES, Mix
from stem_cli.audio.probe import RATES, Shape, probe
from stem_cli.audio.sink import Sink, open_sink
from stem_cli.audio.tee import Tee
from stem_cli.audio.tracks import write_tracks

__all__ = [
    "BLOCK_FRAMES",
    "DEPTHS",
    "FORMATS",
    "RATES",
    "Fingerprint",
    "Format",
    "Mix",
    "Shape",
    "Sink",
    "Tee",
    "ahead",
    "fingerprint",
    "open_sink",
    "probe",
    "require_whole",
    "write_tracks",
]
