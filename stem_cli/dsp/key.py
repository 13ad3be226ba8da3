"""The key of a song."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """A key: tonic 0 (C) to 11 (B), mode "major" or "minor"."""

    tonic: int
    mode: str
