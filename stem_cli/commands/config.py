"""`stem config`: the settings."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

import click

from stem_cli import settings as settings_of

_EPILOG = """\b
Examples:
  stem config show
  stem config set format flac
  stem config set output ~/Stems
  stem config set format ""
"""


@click.group(epilog=_EPILOG)
def config() -> None:
    """Show and change the settings: defaults, then the file, then the environment, then options."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(as_json: bool) -> None:
    """Show every setting and where its value comes from."""
    sourced = settings_of.load()
    values = {name: _without_password(value) for name, value in asdict(sourced.settings).items()}
    if as_json:
        rows: dict[str, Any] = {name: {"value": value, "from": sourced.sources[name]} for name, value in values.items()}
        click.echo(json.dumps(rows, indent=1))
        return
    for name, value in values.items():
        click.echo(f"{name} = {json.dumps(value)}  ({sourced.sources[name]})")


def _without_password(value: Any) -> Any:
    return re.sub(r"(://[^/:@]*):[^/@]*@", r"\1:***@", value) if isinstance(value, str) else value


@config.command()
def path() -> None:
    """Print where the file of settings lies, whether or not it is there."""
    click.echo(str(settings_of.config_path()))


class _Name(click.ParamType):
    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in asdict(settings_of.Settings()):
            self.fail(f"there is no setting {value!r}. `stem config show` lists them.", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:  # noqa: ARG002
        from click.shell_completion import CompletionItem

        return [CompletionItem(one) for one in asdict(settings_of.Settings()) if one.startswith(incomplete)]


def _refuse_rules(name: str, value: str) -> None:
    """Raises UsageError for rules that make no sense: else every later command would end with it."""
    from stem_cli import router
    from stem_cli.batch import rules as batch_rules

    plain = settings_of.Settings()
    rules, order = plain.engine_rules, plain.engine_order
    if name == "engine_rules":
        router.policy_of(value, order, 0.0)
    if name == "engine_order" and value:
        router.policy_of(rules, value, 0.0)
    if name == "batch_rules":
        batch_rules.rules_of(value)


@config.command("set")
@click.argument("name", type=_Name())
@click.argument("value")
def set_(name: str, value: str) -> None:
    """Set NAME to VALUE in the file of settings; an empty VALUE takes it out."""
    _refuse_rules(name, value)
    kept = settings_of.save(settings_of.config_path(), name, value)
    click.echo(f"{name} = {json.dumps(kept)}" if kept is not None else f"{name} is decided by default again")
