"""A VR network at work, in a process of its own, which `vr` starts.

audio-separator adds handlers to logging, silences all warnings, draws bars and may end the program: here none of that
reaches ours. It is given files only: no lists of models, no network, no ffmpeg, no folder from the environment.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import shutil
import sys
import threading
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stem_cli.engines.uvr.models import VrFacts

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SETTINGS = {
    "batch_size": 1,
    "window_size": 512,
    "aggression": 5,
    "enable_tta": False,
    "enable_post_process": False,
    "post_process_threshold": 0.2,
    "high_end_process": False,
}
"""audio-separator's own for VR networks, named here so that another version of it does not change the sound."""
_NO_WEIGHTS = "Delete this file and put a whole one there."
_UNSAFE = "Do not use this file: weights need no code. Get it from its maker."


@dataclass(frozen=True)
class Job:
    """What is to be done. folder: holds `mix`, and gets `stem` or `refusal`.

    mix: 44.1 kHz stereo, with some silence after its end. threads: of the processor. device: as torch calls it.
    """

    folder: Path
    weights: Path
    facts: VrFacts
    threads: int
    device: str

    @property
    def mix(self) -> Path:
        """A WAV of float32."""
        return self.folder / "mix.wav"

    @property
    def stem(self) -> Path:
        """Float32 [frames, 2], the machine's own, without a head."""
        return self.folder / "stem.f32"

    @property
    def refusal(self) -> Path:
        """What cannot be done and what to do about it, as JSON [what, hint]."""
        return self.folder / "refusal.json"

    @property
    def environment(self) -> dict[str, str]:
        """Of the process: temporary files of others go with the folder, and nothing is sent to anybody.

        onnxruntime, which audio-separator imports, opens a session of its telemetry as soon as it is imported.
        """
        unwanted = ("AUDIO_SEPARATOR_MODEL_DIR", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        return {**kept, "TMPDIR": str(self.folder), "ORT_DISABLE_TELEMETRY": "1"}

    def to_text(self) -> str:
        """For the command line."""
        return json.dumps({**asdict(self), "folder": str(self.folder), "weights": str(self.weights)})

    @classmethod
    def parse(cls, text: str) -> Job:
        """What `to_text` wrote."""
        found = json.loads(text)
        paths = {name: Path(found[name]) for name in ("folder", "weights")}
        return cls(**{**found, **paths, "facts": VrFacts(**found["facts"])})


class Refused(Exception):
    """The weights cannot be used. what, hint: for the user."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


def main() -> None:
    """Do the job that is the last word of the command line.

    This process ends at once when its parent does, and takes the folder with it.
    """
    job = Job.parse(sys.argv[-1])
    threading.Thread(target=_end_with_parent, args=(job.folder,), daemon=True).start()
    warnings.simplefilter("ignore")
    try:
        check_weights(job.weights)
        _save(_separate(job), job.stem)
    except Refused as refused:
        job.refusal.write_text(json.dumps([refused.what, refused.hint]), "utf-8")
        sys.exit(1)


def _end_with_parent(folder: Path) -> None:
    """The other end of our standard input is held by the parent: it is closed when that ends, however it ends."""
    os.read(sys.stdin.fileno(), 1)  # not sys.stdin.buffer: its lock would abort Python's own end
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _save(sound: NDArray[Any], path: Path) -> None:
    try:
        sound.astype("float32").tofile(path)
    except OSError as error:
        raise Refused(f"its sound cannot be written ({error})", "Set TMPDIR to a folder on another disk.") from error


def check_weights(path: Path) -> None:
    """Raises Refused for a file that is not whole, that holds anything but tensors, or code."""
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported global" in str(error) or "unsafe" in str(error).lower():
            raise Refused("it holds code, not weights only, and was not opened", _UNSAFE) from error
        raise Refused("it is no whole file of weights", _NO_WEIGHTS) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        why = (str(error).splitlines() or ["it ends too soon"])[0]
        raise Refused(f"it is no whole file of weights ({why})", _NO_WEIGHTS) from error
    if not isinstance(state, dict) or not all(isinstance(one, torch.Tensor) for one in state.values()):
        raise Refused("it is no VR network: it holds other things than tensors by name", _NO_WEIGHTS)


def _separate(job: Job) -> NDArray[Any]:
    """The primary stem, [frames, 2], as the network gives it: any gain, no cut to 16 bits, nothing scaled to 0.9."""
    import torch
    from audio_separator.separator import Separator

    torch.set_num_threads(job.threads)
    separator: Any = Separator(
        log_level=logging.CRITICAL,
        model_file_dir=str(job.weights.parent),
        output_dir=str(job.folder),
        output_single_stem=_primary(job.facts),
        info_only=True,
        vr_params=_SETTINGS,
    )
    separator.download_model_files = lambda name: (name, "VR", name, str(job.weights), None)
    separator.load_model_data_using_hash = lambda _path: _parameters(job.facts)
    separator.torch_device = torch.device(job.device)
    separator.torch_device_cpu = torch.device("cpu")
    separator.torch_device_mps = separator.torch_device if job.device == "mps" else None
    separator.load_model(job.weights.name)
    made: dict[str, NDArray[Any]] = {}
    separator.model_instance.final_process = lambda _path, sound, name: made.update({name: sound})
    try:
        separator.separate(str(job.mix))
    except RuntimeError as error:
        if "loading state_dict" not in str(error):
            raise
        raise Refused(_unfit(job), "Give the parameters it was trained with, or put a whole file there.") from error
    return made[_primary(job.facts)]


def _primary(facts: VrFacts) -> str:
    """A name by which audio-separator tells the kinds of stems apart."""
    return "Instrumental" if facts.accompaniment else "Vocals"


def _parameters(facts: VrFacts) -> dict[str, Any]:
    """As audio-separator looks them up by a file's checksum."""
    sizes = {"nout": facts.nout, "nout_lstm": facts.nout_lstm} if facts.nout and facts.nout_lstm else {}
    return {"vr_model_param": facts.bands, "primary_stem": _primary(facts), **sizes}


def _unfit(job: Job) -> str:
    sizes = f", nout {job.facts.nout}, nout_lstm {job.facts.nout_lstm}" if job.facts.nout else ""
    return f"its {job.weights.stat().st_size:,} bytes are not a VR network of {job.facts.bands}{sizes}"
