"""Numbers, days and words as DJ programs write them; whatever makes no sense is None or ""."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime

_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", re.ASCII)


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
    seconds = whole(value)
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d") if seconds else ""
    except (ValueError, OverflowError, OSError):
        return ""


def date_of(text: str) -> str:
    """yyyy-mm-dd of a date as programs write it, the year first.

    >>> date_of("2019/4/16"), date_of("2022-04-09 12:00"), date_of("2022-02-31")
    ('2019-04-16', '2022-04-09', '')
    """
    found = _DATE.match(text.strip())
    try:
        return date(*map(int, found.groups())).isoformat() if found else ""
    except ValueError:
        return ""


def words(value: object) -> str:
    """Text of a database's field, whatever lies in it."""
    return value.replace("\0", "") if isinstance(value, str) else "" if value is None else str(value)


def whole(value: object) -> int | None:
    """A whole number, however many digits stand there; None where it is none."""
    try:
        return int(float(str(value)))
    except (ValueError, OverflowError):
        return None
