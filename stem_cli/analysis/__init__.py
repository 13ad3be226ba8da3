"""What a song is musically: its beats, key, sections and loudness, heard from its stems.

`analyse` listens; `Analysis` is what was found, `to_dict` and `from_dict` are its place in metadata.json.
"""

from stem_cli.analysis.analyse import analyse
from stem_cli.analysis.found import Analysis, from_dict, to_dict
from stem_cli.analysis.listen import Heard, listen
from stem_cli.analysis.stems import of_path
from stem_cli.dsp.beats import Hints

__all__ = ["Analysis", "Heard", "Hints", "analyse", "from_dict", "listen", "of_path", "to_dict"]
