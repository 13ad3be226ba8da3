"""Elements of a Live set: leaves with a value, nodes with members, and the document they make.

A set is a tree of members in a fixed order. Almost every leaf is ``<Name Value="..." />``.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TypeAlias
from xml.etree.ElementTree import Element, indent, tostring

Value: TypeAlias = "bool | int | float | str"
Ids: TypeAlias = Iterator[int]
"""Gives the numbers that parameters are pointed at by: one space for the whole set, each used once."""

_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_LEVEL = 6  # of zlib: the level that leaves the header's flag for it at 0, as Live does
_NO_TIME_UNIX = bytes((0, 3))  # gzip's flag for the level and its number of the system, whatever Python puts there
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def node(tag: str, *members: Element | Sequence[Element], **attributes: Value) -> Element:
    """An element with members in the order given; a sequence of members stands for each of them."""
    element = Element(tag, {name: written(value) for name, value in attributes.items()})
    for member in members:
        if isinstance(member, Element):
            element.append(member)
        else:
            element.extend(member)
    return element


def leaf(tag: str, value: Value) -> Element:
    """``<Tag Value="value" />``"""
    return Element(tag, {"Value": written(value)})


def leaves(**values: Value) -> list[Element]:
    """A leaf for each name, in the order written."""
    return [leaf(tag, value) for tag, value in values.items()]


def wrapper(tag: str) -> Element:
    """An empty list that Live's own object model may point at."""
    return node(tag, LomId=0)


def written(value: Value) -> str:
    """A value as Live writes it: true and false, plain decimals, text without what XML forbids.

    >>> written(True), written(0.1), written(1e-7), written(-0.0), written(2.0)
    ('true', '0.1', '0.0000001', '0', '2')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = format(Decimal(repr(value)), "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text in ("-0", "") else text
    return _NOT_XML.sub("", value) if isinstance(value, str) else str(value)


def document(root: Element) -> bytes:
    """The set as XML: UTF-8, tabs, one member a line."""
    indent(root, "\t")
    return _HEAD + tostring(root, "unicode").encode() + b"\n"


def packed(xml: bytes) -> bytes:
    """The set as a file: gzip with a bare header - no name, no time - so that the same set is the same bytes."""
    made = gzip.compress(xml, _LEVEL, mtime=0)
    return made[:8] + _NO_TIME_UNIX + made[10:]
