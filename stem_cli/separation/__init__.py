"""One song into stems: the road from a file to a folder that lines up with it and adds up to it."""

from stem_cli.separation.order import Listener, Order, Result, stems_needed
from stem_cli.separation.plan import folder_there, ranking_for
from stem_cli.separation.request import Made, StemRequest, StemResult, make
from stem_cli.separation.road import separate
from stem_cli.separation.shop import Shop, Turn, open_shop

__all__ = [
    "Listener",
    "Made",
    "Order",
    "Result",
    "Shop",
    "StemRequest",
    "StemResult",
    "Turn",
    "folder_there",
    "make",
    "open_shop",
    "ranking_for",
    "separate",
    "stems_needed",
]
