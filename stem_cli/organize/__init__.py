"""Stems where DJ programs find them: names, folders, formats and lists by what each program takes."""

from stem_cli.organize.carry import Done, How, carry
from stem_cli.organize.plan import Arrangement, Item, Plan, Song, plan
from stem_cli.organize.programs import PROGRAMS, Demand, demand

__all__ = ["PROGRAMS", "Arrangement", "Demand", "Done", "How", "Item", "Plan", "Song", "carry", "demand", "plan"]
