"""What audio-separator itself makes of a song with a VR network: python against_vr.py WEIGHTS BANDS MIX FOLDER.

MIX is a WAV of 32 bits, quiet, so that nothing is scaled. Prints the path of the stem "Vocals", also of 32 bits.
"""

from __future__ import annotations

import logging
import platform
import sys
import warnings
from pathlib import Path
from typing import Any


def main() -> None:
    warnings.simplefilter("ignore")
    from audio_separator.separator import Separator

    weights, bands, mix, folder = sys.argv[1:]

    class Offline(Separator):  # type: ignore[misc]
        def download_model_files(self, name: str) -> tuple[Any, ...]:
            return name, "VR", name, weights, None

        def load_model_data_using_hash(self, _path: str) -> dict[str, Any]:
            return {"vr_model_param": bands, "primary_stem": "Vocals"}

    separator = Offline(
        log_level=logging.ERROR, model_file_dir=folder, output_dir=folder, use_soundfile=True, info_only=True
    )
    separator.setup_torch_device(platform.uname())
    separator.load_model(Path(weights).name)
    names = separator.separate(mix, {"Vocals": "voice"})
    print(Path(folder, next(name for name in names if "voice" in name)))  # noqa: T201


if __name__ == "__main__":
    main()
