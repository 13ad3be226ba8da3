"""Write docs/commands.md from the commands themselves; with --check, say whether it is true."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from stem_cli.cli import COMMANDS, program

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
_WIDTH = 100
_HEAD = """# Commands

This page is made from the commands themselves by `make docs`; a test holds it true.
"""


def page() -> str:
    """The whole page."""
    root = click.Context(program, info_name="stem", terminal_width=_WIDTH, **program.context_settings)
    parts = [_HEAD, _block("stem", program, root)]
    for name in COMMANDS:
        command = program.get_command(root, name)
        assert command is not None
        parts += _sections(f"stem {name}", name, command, root)
    return "\n".join(parts)


def _sections(title: str, name: str, command: click.Command, parent: click.Context) -> list[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=_WIDTH)
    parts = [_block(title, command, context)]
    if isinstance(command, click.Group):
        for inner, one in command.commands.items():
            parts += _sections(f"{title} {inner}", inner, one, context)
    return parts


def _block(title: str, command: click.Command, context: click.Context) -> str:
    return f"## {title}\n\n```text\n{command.get_help(context).replace(chr(8), '').rstrip()}\n```\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text("utf-8") == page() else f"{PAGE} is old: make docs")
    PAGE.write_text(page(), "utf-8")
