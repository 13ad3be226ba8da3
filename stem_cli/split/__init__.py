"""A stem divided further by a second pass: vocals into lead and backing vocals, drums into the parts of a kit."""

from stem_cli.split.asked import Asked, carry_out, order_of
from stem_cli.split.choice import Wish, divider
from stem_cli.split.divide import divide, divided_already
from stem_cli.split.mute import mute, refuse
from stem_cli.split.road import second_pass, separate

__all__ = [
    "Asked",
    "Wish",
    "carry_out",
    "divide",
    "divided_already",
    "divider",
    "mute",
    "order_of",
    "refuse",
    "second_pass",
    "separate",
]
