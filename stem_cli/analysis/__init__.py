"""What a song is musically: its beats, key, sections and loudness, heard from its stems.

`analyse` listens; `Analysis` is what was found, `to_dict` and `from_dict` are its place in metadata.json and in the
database (`recall`). `Given` is the grid that a DJ program has laid.
"""

from stem_cli.analysis.analyse import analyse
from stem_cli.analysis.found import Analysis, from_dict, to_dict
from stem_cli.analysis.given import Given, grid_from, tempos_of
from stem_cli.analysis.listen import Heard, listen
from stem_cli.analysis.memory import recall
from stem_cli.analysis.stems import Wish, of_folder, of_path, of_record, stands
from stem_cli.analysis.tagging import tag_song
from stem_cli.dsp.beats import Hints

__all__ = [
    "Analysis",
    "Given",
    "Heard",
    "Hints",
    "Wish",
    "analyse",
    "from_dict",
    "grid_from",
    "listen",
    "of_folder",
    "of_path",
    "of_record",
    "recall",
    "stands",
    "tag_song",
    "tempos_of",
    "to_dict",
]
