"""Obstacles: disks that are small, files and folders whose modes say no."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


class Filler:
    """Fills a disk as soon as stems are being written to it. begun: what is there then."""

    def __init__(self, disk: Path, begun: str = "**/.*.partial/stems/*") -> None:
        self._file, self._stopped, self._begun = disk / "filler", threading.Event(), begun
        self._thread = threading.Thread(target=self._run, args=(disk,))

    def __enter__(self) -> Filler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._file.unlink(missing_ok=True)

    def _run(self, disk: Path) -> None:
        while not self._stopped.is_set() and not list(disk.glob(self._begun)):
            time.sleep(0.001)
        with self._file.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                while not self._stopped.is_set():
                    try:
                        file.write(bytes(size))
                    except OSError:
                        break


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A real file system of so many megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(megabytes: int) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
        if sys.platform != "linux" or shutil.which("mount") is None:
            pytest.skip("small disks are made with Linux' tmpfs")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


def _ran(*command: object) -> bool:
    """Whether a program is there and ends well."""
    words = [str(word) for word in command]
    return (
        shutil.which(words[0]) is not None and subprocess.run(words, capture_output=True, check=False).returncode == 0
    )


def _mounted(kind: str, image: Path, folder: Path) -> bool:
    """Whether a disk's image could be mounted: by the kernel, else by a program (FUSE)."""
    if _ran("mount", "-t", kind, "-o", "loop,utf8" if kind == "vfat" else "loop", image, folder):
        return True
    if kind == "vfat":
        return _ran("fusefat", "-o", "rw+", image, folder) and os.path.ismount(folder)
    device = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True, check=False)
    done = device.returncode == 0 and _ran("mount.exfat-fuse", device.stdout.strip(), folder)
    if device.returncode == 0:
        subprocess.run(["losetup", "--detach", device.stdout.strip()], check=False)  # as soon as nobody uses it
    return done


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A DJ's stick of 40 MB, a real file system: "vfat", which is FAT32, or "exfat"."""
    folder, image = tmp_path / "stick", tmp_path / "stick.img"
    folder.mkdir()

    def mount(kind: str) -> Path:
        with image.open("wb") as file:
            file.truncate(40 << 20)
        make = ("mkfs.vfat", "-F", "32", image) if kind == "vfat" else ("mkfs.exfat", image)
        if sys.platform != "linux" or not _ran(*make) or not _mounted(kind, image, folder):
            pytest.skip("only on Linux, as root, with dosfstools and fusefat, exfatprogs and exfat-fuse (FUSE)")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is such a thing: elsewhere ten thousand small files take half a minute."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


@pytest.fixture
def obey() -> dict[str, Any]:
    """Options for a process that modes of files hold for: root's power to pass over them is taken away."""
    if os.geteuid() != 0:
        return {}
    if sys.platform != "linux":
        pytest.skip("root passes over modes; only on Linux can that be taken away")
    library, drop = ctypes.CDLL(None, use_errno=True), 24  # PR_CAPBSET_DROP, linux/prctl.h
    powers = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, linux/capability.h
    return {"preexec_fn": lambda: [library.prctl(drop, power, 0, 0, 0) for power in powers]}


@pytest.fixture
def mode() -> Iterator[Callable[[Path, int], None]]:
    """Change a mode until the end of the test."""
    before: dict[Path, int] = {}

    def change(path: Path, bits: int) -> None:
        before[path] = path.stat().st_mode
        path.chmod(bits)

    yield change
    for path, bits in reversed(before.items()):
        path.chmod(bits)
