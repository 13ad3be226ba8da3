"""What a check finds, mended on a copy: `repair` for files and folders. The original is only read.

`wav` headers and depths, `rekordbox` lists, `crate`, `m3u`, the box of a `stem` file, `names` that sticks refuse.
"""

from stem_cli.dj.repair.folder import Copied, repair
from stem_cli.dj.repair.wav import repair_wav

__all__ = ["Copied", "repair", "repair_wav"]
