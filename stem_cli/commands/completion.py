"""`stem completion`: the completion script of a shell."""

from __future__ import annotations

import click

_WHERE = """\b
Put it where your shell finds it:
  stem completion bash > ~/.local/share/bash-completion/completions/stem
  stem completion zsh > ~/.zfunc/_stem          (with ~/.zfunc in fpath)
  stem completion fish > ~/.config/fish/completions/stem.fish
"""


@click.command(epilog=_WHERE)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the completion script of a shell: commands, options, stems, engines and settings."""
    from click.shell_completion import get_completion_class

    program = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(program, {}, "stem", "_STEM_COMPLETE").source())
