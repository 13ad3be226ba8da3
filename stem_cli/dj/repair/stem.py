"""A `.stem.mp4` with a `stem` box and track flags as they must be; its sound is not touched."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from stem_cli import stems as table
from stem_cli.dj import atoms
from stem_cli.dj.check.stem import DSP
from stem_cli.dj.ni_stem import BOX, ORDER, metadata
from stem_cli.dj.ni_stem_reader import StemInfo, read_stem
from stem_cli.errors import InputError

_ENABLED = 1
_ANEW = "Make it anew with stem organize --for traktor."


def repair_stem(source: Path, target: Path) -> None:
    """Write a copy whose first track alone is enabled and whose JSON has a version, colours and effects.

    Names and their order are not made up: who cannot tell which stem is which listens. Raises InputError where it says
    nothing of its stems; OSError.
    """
    info = read_stem(source)
    if not isinstance(info.told, dict) or len(info.names) != len(ORDER):
        raise InputError("it does not say what its stems are", source, _ANEW)
    try:
        atoms.front_with(source, target, BOX, json.dumps(mended(info), ensure_ascii=False).encode())
        _enable_first(target)
    except ValueError as error:
        raise InputError(f"it is no whole MP4 ({error})", source, "Make it anew.") from error


def mended(info: StemInfo) -> dict[str, Any]:
    """What its `stem` box should say: what is there, and where that makes no sense what we would write."""
    ours, told = json.loads(metadata()), dict(info.told)
    version = told.get("version")
    told["version"] = version if isinstance(version, int) and version >= 1 and version is not True else 1
    told["stems"] = [
        one if re.fullmatch("#[0-9A-Fa-f]{6}", str(one.get("color"))) else one | {"color": table.TABLE[stem].colour}
        for one, stem in zip(told["stems"], ORDER, strict=True)
    ]
    held = told.get("mastering_dsp")
    effects = held if isinstance(held, dict) else {}
    told["mastering_dsp"] = effects | {
        name: _effect(effects.get(name), ours["mastering_dsp"][name], numbers) for name, numbers in DSP.items()
    }
    return told


def _effect(held: Any, ours: dict[str, Any], numbers: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(held, dict):
        return ours
    sound = {name: held[name] for name in numbers if _is_number(held.get(name))}
    whole = isinstance(held.get("enabled"), bool) and len(sound) == len(numbers)
    return held | ours | sound | {"enabled": held["enabled"] if whole else False}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _enable_first(path: Path) -> None:
    """Set the flag of the first track of sound, and take it from all others."""
    with path.open("r+b") as file:
        moov = next(one for one in atoms.boxes_of(file) if one.kind == "moov")
        file.seek(moov.body)
        held = file.read(moov.end - moov.body)
        first = True
        for trak in (one for one in atoms.boxes(held) if one.kind == "trak"):
            handler = atoms.inside(held, trak, "mdia", "hdlr")
            if held[handler.body + 8 : handler.body + 12] == b"soun":
                at = atoms.inside(held, trak, "tkhd").body + 3
                flags = held[at] | _ENABLED if first else held[at] & ~_ENABLED
                file.seek(moov.body + at)
                file.write(bytes([flags & 0xFF]))
                first = False
