"""A ranking in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stem_cli.router.rank import Ranking


def rows(ranking: Ranking) -> list[dict[str, Any]]:
    """The engines in turn, those that are tried first; place None is not tried."""
    tried = [
        {"place": place, "engine": one.engine.name, "model": one.model.name, "why": one.why}
        for place, one in enumerate(ranking.choices, 1)
    ]
    return [*tried, *({"place": None, "engine": name, "model": "", "why": why} for name, why in ranking.passed.items())]


def lines(ranking: Ranking) -> Iterator[str]:
    """The same as a table for people."""
    found = rows(ranking)
    width = max(len(f"{row['engine']} {row['model']}") for row in found)
    for row in found:
        place = f"{row['place']}." if row["place"] else "-"
        name = f"{row['engine']} {row['model']}".strip()
        yield f"{place:>3} {name:{width}}  {row['why']}"
