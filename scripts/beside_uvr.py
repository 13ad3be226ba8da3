"""What audio-separator's own code makes of songs: python scripts/beside_uvr.py FOLDER SONGS.npz STEMS.npz MODEL...

FOLDER: holds MODEL.ckpt and MODEL.yaml. SONGS.npz: arrays float32 [2, frames] at 44.1 kHz, by name. Writes arrays
[2, frames] named "MODEL SONG INSTRUMENT". A process of its own, as the package changes global settings of warnings and
logging. Without its lists, its network and ffmpeg: only `demix` of the model that it opens.
"""

from __future__ import annotations

import logging
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np


def instance(folder: Path, name: str) -> Any:
    """The model as audio-separator opens it."""
    from audio_separator.separator import Separator

    file = f"{name}.ckpt"

    class Offline(Separator):  # type: ignore[misc]
        def download_model_files(self, _file: str) -> tuple[Any, ...]:
            return file, "MDXC", file, str(folder / file), f"{name}.yaml"

    separator = Offline(log_level=logging.ERROR, model_file_dir=folder, output_dir=folder, info_only=True)
    separator.setup_torch_device(platform.uname())
    separator.load_model(file)
    return separator.model_instance


def main() -> None:
    """Write the stems."""
    folder, songs, stems, *models = sys.argv[1:]
    found = {}
    for model in models:
        network = instance(Path(folder), model)
        for song, sound in np.load(songs).items():
            made = network.demix(mix=sound)
            found |= {f"{model} {song} {instrument}": np.asarray(stem) for instrument, stem in made.items()}
    np.savez(stems, **found)


if __name__ == "__main__":
    main()
