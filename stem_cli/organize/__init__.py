"""Stems where DJ programs find them: names, folders, formats and lists by what each program takes."""

from stem_cli.organize.carry import Done, How, carry
from stem_cli.organize.plan import Arrangement, Item, Plan, Song, plan
from stem_cli.organize.programs import PROGRAMS, Demand, demand
from stem_cli.organize.run import Asked, Outcome, organized

__all__ = [
    "PROGRAMS",
    "Arrangement",
    "Asked",
    "Demand",
    "Done",
    "How",
    "Item",
    "Outcome",
    "Plan",
    "Song",
    "carry",
    "demand",
    "organized",
    "plan",
]
