"""VR networks (`.pth`), run by audio-separator on files, in a process of its own (see `vr_process`).

They hear the whole song at once, as spectra of several bands: memory grows with the song, and nothing comes before
everything is done. Their highest band ends below 22 kHz: what is above is missing in the primary stem.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stem_cli.audio import BLOCK_FRAMES, open_sink
from stem_cli.engines import Mix, Run
from stem_cli.engines.uvr.models import VrFacts
from stem_cli.engines.uvr.scratch import ELSEWHERE, scratch
from stem_cli.engines.uvr.vr_facts import facts_of
from stem_cli.engines.uvr.vr_process import Job
from stem_cli.errors import EngineError, OutputError

__all__ = ["facts_of", "separate"]

RATE, CHANNELS = 44100, 2
TAIL_FRAMES = 8192
"""Silence after the song: the network gives whole hops only (at most 1,411 frames), and hears windows of 5,645."""
_KILLED = 9
"""The signal by which Linux ends a program when memory is short."""
_LOOK_SECONDS = 1.0
_SHORT = ("MemoryError", "not enough memory", "out of memory")


def separate(mix: Mix, weights: Path, facts: VrFacts, run: Run, device: str) -> Iterator[NDArray[np.float32]]:
    """The primary stem of a song: float32 [1, 2, frames] in blocks that cover the mix exactly, with lag 0.

    mix: 44.1 kHz stereo, skimmed once. device: "cpu", "cuda" or "mps". The sound has the mix's gain, whatever
    that is. Files lie in the folder for temporary ones (about 42 MB a minute) until the last block is taken or the
    generator is closed. Raises EngineError where the weights cannot be used, OutputError where the disk is full.
    """
    run.device, run.precision = device, "f32"
    with scratch() as folder:
        job = Job(folder, weights.absolute(), facts, run.threads, device)
        frames = _write(mix, job.mix)
        if frames:
            _run(job)
            yield from _blocks(job, frames)


def _write(mix: Mix, path: Path) -> int:
    """Write the mix as a WAV of floats, with silence after it; gives its own frames."""
    frames = 0
    with _elsewhere():
        sink = open_sink(path, "wav", RATE, CHANNELS, "float", mix.frames + TAIL_FRAMES)
    try:
        for block in mix.skim():
            frames += block.shape[1]
            with _elsewhere():
                sink.write(block)
        with _elsewhere():
            sink.write(np.zeros((CHANNELS, TAIL_FRAMES), np.float32))
    finally:
        with _elsewhere():
            sink.close()
    return frames


@contextmanager
def _elsewhere() -> Iterator[None]:
    """It is not the user's output that could not be written."""
    try:
        yield
    except OutputError as error:
        raise OutputError(error.what, error.path, f"{ELSEWHERE}.") from error


def _run(job: Job) -> None:
    """Let the other process do it. It holds our end of its input, so that it ends with us. Raises EngineError."""
    code = "from stem_cli.engines.uvr.vr_process import main; main()"
    command = [sys.executable, "-P", "-c", code, job.to_text()]
    heard = job.folder / "stderr.txt"
    with heard.open("wb") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=stderr, env=job.environment
        )
        try:
            while process.poll() is None:  # in steps: a thread is told to stop between them
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_SECONDS)
        finally:  # interrupted or not, it does not outlive this
            process.kill()
            process.wait()
            if process.stdin:
                process.stdin.close()
    if process.returncode != 0:
        raise _failed(job, process.returncode, heard.read_text("utf-8", "replace"))


def _failed(job: Job, code: int, heard: str) -> EngineError:
    if job.refusal.exists():
        what, hint = json.loads(job.refusal.read_text("utf-8"))
        return EngineError(what, job.weights, hint)
    if code == -_KILLED or any(sign in heard for sign in _SHORT):
        hint = "VR networks take the whole song at once. Try a stretch of it (--time), or another model."
        return EngineError("there is not enough memory for it", job.weights, hint)
    why = (heard.strip().splitlines() or [f"exit code {code}"])[-1]
    return EngineError(f"audio-separator could not run it ({why})", job.weights, "Try another model.")


def _blocks(job: Job, frames: int) -> Iterator[NDArray[np.float32]]:
    """The stem that was made, from its file. Raises EngineError where it is shorter than the mix."""
    if not job.stem.exists() or job.stem.stat().st_size < frames * CHANNELS * 4:
        hint = "This is a bug: please report it, with the version of audio-separator."
        raise EngineError("audio-separator gave less sound than the song has", job.weights, hint)
    with job.stem.open("rb") as file:
        for at in range(0, frames, BLOCK_FRAMES):
            count = min(BLOCK_FRAMES, frames - at) * CHANNELS
            block = np.fromfile(file, np.float32, count).reshape(-1, CHANNELS)
            yield np.ascontiguousarray(block.T)[None]
