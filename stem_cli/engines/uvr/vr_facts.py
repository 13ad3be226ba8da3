"""What a VR file of the user's own is: a small TOML beside it says so, or its checksum tells.

bands = "4band_v3"      its parameters, by audio-separator's name for them
stem = "vocals"         what the network makes: its primary stem
nout = 48               of VR 5.1 networks, with nout_lstm; left out for older ones
nout_lstm = 128
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from functools import cache
from importlib import resources, util
from pathlib import Path
from typing import Any

from stem_cli import stems
from stem_cli.engines.runtime import installed
from stem_cli.engines.uvr.models import VrFacts, vr_facts
from stem_cli.engines.uvr.safe_yaml import told
from stem_cli.errors import EngineError

_HASHED_BYTES = 10_000 * 1024  # UVR's: the end of a file is enough to know it
_LARGEST_BYTES = 10_000
_BACKWARDS = "4band_44100_reverse"  # plays the song backwards, so that what is cut off is its start: no lag 0
_KNOWN_STEMS = {*stems.TABLE, *stems.COMPLEMENTS}


def facts_of(weights: Path) -> tuple[VrFacts, tuple[str, ...]]:
    """The facts of a VR file that is not in our table, and what it makes.

    They are taken from NAME.toml beside NAME.pth, else from UVR's list of checksums. Raises EngineError that says what
    to write where neither knows it, or where what is written makes no sense.
    """
    beside = weights.with_suffix(".toml")
    found = _read(beside) if beside.is_file() else _known().get(_mark(weights))
    if found is None:
        example = 'bands = "4band_v3" and stem = "vocals" (and nout, nout_lstm of VR 5.1), as its maker tells'
        raise EngineError("nobody knows the parameters of this VR network", weights, f"Write {beside}: {example}.")
    _judge(found, beside)
    return vr_facts(found, found["stem"]), (found["stem"],)


def bands() -> tuple[str, ...]:
    """The names of the parameters that the installed audio-separator has, () without it. Nothing of it is imported."""
    package = util.find_spec("audio_separator") if installed("audio_separator") else None
    places = (package.submodule_search_locations if package else None) or ()
    inside = "separator/uvr_lib_v5/vr_network/modelparams/*.json"
    names = {path.stem for place in places for path in Path(place).glob(inside)}
    return tuple(sorted(names - {_BACKWARDS, "ensemble"}))


@cache
def _known() -> dict[str, Any]:
    return tomllib.loads((resources.files("stem_cli.engines.uvr") / "vr_networks.toml").read_text("utf-8"))


def _mark(path: Path) -> str:
    """MD5 of the last bytes: UVR's name for a file, nothing that makes it safe."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _HASHED_BYTES), os.SEEK_SET)
            return hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
    except OSError as error:
        what = f"this model's file cannot be read ({error.strerror})"
        raise EngineError(what, path, "Check its permissions.") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _senseless(path, "it is far too long")
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise EngineError(f"this file cannot be read ({error.strerror})", path, "Check its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise _senseless(path, f"it is no TOML ({error})") from error


def _judge(found: dict[str, Any], path: Path) -> None:
    """Raises EngineError for what is missing, unknown, or of another kind."""
    if unknown := sorted(set(found) - {"bands", "stem", "nout", "nout_lstm"}):
        raise _senseless(path, f"{unknown[0]} is not known")
    if not isinstance(found.get("stem"), str) or found["stem"] not in _KNOWN_STEMS:
        raise _senseless(path, f"stem is {told(found.get('stem'))} instead of one of {', '.join(sorted(_KNOWN_STEMS))}")
    known = bands()
    if not isinstance(found.get("bands"), str) or (known and found["bands"] not in known):
        raise _senseless(path, f"bands is {told(found.get('bands'))} instead of one of {', '.join(known)}")
    sizes = [found[name] for name in ("nout", "nout_lstm") if name in found]
    if len(sizes) == 1 or not all(type(size) is int and 0 < size <= 1024 for size in sizes):
        raise _senseless(path, "nout and nout_lstm are two whole numbers, or left out")


def _senseless(path: Path, why: str) -> EngineError:
    return EngineError(f"these are no parameters of a VR network: {why}", path, 'Write bands = "...", stem = "...".')
