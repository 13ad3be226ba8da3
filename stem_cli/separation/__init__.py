"""One song into stems: the road from a file to a folder that lines up with it and adds up to it."""

from stem_cli.separation.order import Listener, Order, Result, stems_needed
from stem_cli.separation.plan import Plan, already_there, decide, ranking_for, seconds_of
from stem_cli.separation.request import Made, StemRequest, StemResult, make
from stem_cli.separation.road import result_there, separate
from stem_cli.separation.shop import Shop, Turn, open_shop

__all__ = [
    "Listener",
    "Made",
    "Order",
    "Plan",
    "Result",
    "Shop",
    "StemRequest",
    "StemResult",
    "Turn",
    "already_there",
    "decide",
    "make",
    "open_shop",
    "ranking_for",
    "result_there",
    "seconds_of",
    "separate",
    "stems_needed",
]
