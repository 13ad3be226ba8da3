"""What songs are, by the digest of their sound, in the database: whatever becomes of their stems."""

from __future__ import annotations

import json

from stem_cli.analysis.found import VERSION, Analysis, from_dict, to_dict
from stem_cli.database import Database, now, upsert


def recall(database: Database, digest: str) -> Analysis | None:
    """What is known of a song; None where nothing is, or only what an older version of the recipe found."""
    rows = database.rows(
        "SELECT result FROM analyses WHERE digest = :digest AND version = :version", digest=digest, version=VERSION
    )
    try:
        return from_dict(json.loads(rows[0]["result"])) if rows else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # damaged: it is heard again, and written anew


def remember(database: Database, digest: str, found: Analysis) -> None:
    """Note it, in the place of what was known."""
    values = {
        "digest": digest,
        "version": VERSION,
        "bpm": None if found.grid is None else found.grid.bpm,
        "musical_key": "" if found.key is None else found.key.key.name,
        "result": json.dumps(to_dict(found)),
        "made_at": now(),
    }
    database.run(upsert("analyses", "digest", values), **values)
