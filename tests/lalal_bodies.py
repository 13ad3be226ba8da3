"""What is asked of the LALAL.AI that runs here, as its specification has it, and how it refuses all else."""

from __future__ import annotations

import json
import uuid
from typing import Any

STEMS = ("vocals", "drum", "piano", "bass", "electric_guitar", "acoustic_guitar", "synthesizer", "strings", "wind")
MULTISTEMS = STEMS[:6]
SPLITTERS = ("andromeda", "perseus", "orion", "phoenix", "lyra", "lynx")


class Said(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


def object_of(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        raise invalid(("body",), "JSON decode error", "json_invalid") from None
    if not isinstance(found, dict):
        raise invalid(("body",), "Input should be an object", "dict_type")
    return found


def presets_of(body: dict[str, Any]) -> dict[str, Any]:
    presets = body.get("presets")
    if not isinstance(presets, dict):
        raise invalid(("body", "presets"), "Field required", "missing")
    for name, known in (
        ("splitter", SPLITTERS),
        ("encoder_format", ("mp3", "wav", "flac", "aac", "ogg", None)),
        ("extraction_level", ("deep_extraction", "clear_cut")),
        ("dereverb_enabled", (True, False)),
    ):
        if name in presets and presets[name] not in known:
            raise invalid(("body", "presets", name), f"Input should be one of {known}", "enum")
    return presets


def uuid4_of(body: dict[str, Any], name: str) -> str:
    try:
        number = uuid.UUID(str(body[name]))
    except KeyError:
        raise invalid(("body", name), "Field required", "missing") from None
    except ValueError:
        raise invalid(("body", name), "Input should be a valid UUID", "uuid_parsing") from None
    if number.version != 4:
        raise invalid(("body", name), "UUID version 4 expected", "uuid_version")
    return str(number)


def ids_of(body: dict[str, Any]) -> list[str]:
    found = body.get("task_ids")
    if not isinstance(found, list):
        raise invalid(("body", "task_ids"), "Field required", "missing")
    return [uuid4_of({"task_ids": one}, "task_ids") for one in found]


def invalid(place: tuple[str, ...], text: str, kind: str) -> Said:
    return Said(422, {"detail": [{"loc": list(place), "msg": text, "type": kind}]})
