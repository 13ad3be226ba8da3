"""Every file of stems we made, and what it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from stem_cli.database import Database, text_of, upsert
from stem_cli.errors import InputError
from stem_cli.folder import StemFile, StemFolder

PREFIX = "artifact:"
"""`artifact:ID` may stand wherever a file may."""

_ID_DIGITS = 12


@dataclass(frozen=True)
class Artifact:
    """One file. kind: `audio_stem_` and the stem. source_artifact: where the song itself was made by us, else ""."""

    id: str
    kind: str
    name: str
    sha256: str
    path: Path
    source_digest: str
    source_artifact: str
    span: str
    engine_id: str
    meta: Mapping[str, Any]
    made_at: str


def id_of(folder: StemFolder, file: StemFile) -> str:
    """The same stem of the same song by the same engine in the same format has the same id."""
    record = folder.record
    parts = (
        file.kind,
        file.format,
        file.depth,
        record.source.digest,
        span_text(record.span),
        record.engine_of(file.name),
        *record.muted,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_ID_DIGITS]


def span_text(span: tuple[float, float | None] | None) -> str:
    """A span as the database and keys write it, to less than a sample; "" is the whole song."""
    return "" if span is None else f"{span[0]:.12g}-{'' if span[1] is None else format(span[1], '.12g')}"


def register(database: Database, folder: StemFolder) -> tuple[str, ...]:
    """Note every file of the folder; returns their ids in the folder's order."""
    record = folder.record
    ids = []
    with database.change() as connection:
        origin = connection.execute(
            text("SELECT id FROM artifacts WHERE path = :path ORDER BY made_at DESC"), {"path": record.source.path}
        ).scalars()
        source_artifact = next(iter(origin), "")
        for file in record.files:
            values = {
                "id": id_of(folder, file),
                "kind": file.kind,
                "name": file.name,
                "sha256": file.sha256,
                "path": text_of(folder.path(file).absolute()),
                "source_digest": record.source.digest,
                "source_artifact": source_artifact,
                "span": span_text(record.span),
                "engine_id": record.engine_of(file.name),
                "meta": json.dumps({"source": record.source.path, "format": file.format, "depth": file.depth}),
                "made_at": record.made_at,
            }
            connection.execute(text(upsert("artifacts", "id", values)), values)
            ids.append(values["id"])
    return tuple(ids)


def find(database: Database, kind: str = "", source_digest: str = "") -> list[Artifact]:
    """All artifacts, the newest first, of a kind or of a song if one is given."""
    rows = database.rows(
        "SELECT * FROM artifacts WHERE (:kind = '' OR kind = :kind) AND (:source = '' OR source_digest = :source)"
        " ORDER BY made_at DESC, name",
        kind=kind,
        source=source_digest,
    )
    return [_artifact(row) for row in rows]


def get(database: Database, artifact_id: str) -> Artifact:
    """The artifact with that id, or with an id that begins so. Raises InputError where there is not exactly one."""
    wanted = artifact_id.removeprefix(PREFIX)
    rows = database.rows("SELECT * FROM artifacts WHERE id LIKE :start", start=f"{wanted}%") if wanted.isalnum() else []
    if len(rows) != 1:
        what = f"{len(rows)} artifacts begin with {wanted!r}" if rows else f"there is no artifact {wanted!r}"
        raise InputError(what, None, "`stem artifacts` lists them.")
    return _artifact(rows[0])


def chain(database: Database, artifact: Artifact) -> list[Artifact]:
    """The artifact and those it was made from, the nearest first."""
    found = [artifact]
    while found[-1].source_artifact and found[-1].source_artifact not in {one.id for one in found}:
        found.append(get(database, found[-1].source_artifact))
    return found


def resolve(database: Database, name: str) -> Path:
    """The path a user means by a file name or by `artifact:ID`. Raises InputError."""
    if not name.startswith(PREFIX):
        return Path(name)
    artifact = get(database, name)
    if not artifact.path.exists():
        raise InputError(f"artifact {artifact.id} is no longer there", artifact.path, "Separate its song again.")
    return artifact.path


def _artifact(row: Mapping[str, Any]) -> Artifact:
    return Artifact(**{**row, "path": Path(row["path"]), "meta": json.loads(row["meta"])})
