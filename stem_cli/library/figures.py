"""Numbers, days and words as DJ programs write them; whatever makes no sense is None or ""."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def positive(value: object) -> float | None:
    """A number above 0, also as text and with a comma; None where it is none."""
    try:
        number = float(str(value).replace(",", "."))
    except ValueError:
        return None
    return number if 0 < number < 1e7 else None


def stars(value: object, of: float) -> int | None:
    """0 to 5 stars of a rating whose highest is `of`."""
    try:
        number = float(str(value)) / of * 5
    except ValueError:
        return None
    return min(5, max(0, round(number))) if math.isfinite(number) else None


def day(value: object) -> str:
    """yyyy-mm-dd of seconds since 1970, by Greenwich."""
    seconds = _whole(value)
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d") if seconds else ""
    except (ValueError, OverflowError, OSError):
        return ""


def words(value: object) -> str:
    """Text of a database's field, whatever lies in it."""
    return value.replace("\0", "") if isinstance(value, str) else "" if value is None else str(value)


def _whole(value: object) -> int | None:
    try:
        return int(float(str(value)))
    except (ValueError, OverflowError):
        return None
