"""The program: a list of commands that are imported when they are used, and errors turned into exit codes.

Importing this file imports nothing heavier than click: `stem --help` and `stem --version` stay quick.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from typing import Any

import click

from stem_cli import __version__
from stem_cli.errors import Interrupted, OutputError, StemError

COMMANDS: dict[str, str] = {
    "separate": "Separate songs into stems.",
    "demo": "Separate the song that ships with stem-cli and show the result.",
    "split-vocals": "Divide vocals into lead and backing vocals.",
    "analyze": "Tell tempo, beats, key, sections and loudness.",
    "split-drums": "Divide drums into kick, snare, toms, hats and cymbals.",
    "schedule": "Run batches by themselves, at set times.",
    "judge": "Tell how good stems are.",
    "batch": "Separate a whole library: folders, crates, playlists.",
    "queue": "Show and reorder what batches have to do.",
    "watch": "Separate what is dropped into a folder.",
    "scan": "Read a library: folders, playlists, crates of DJ programs.",
    "organize": "Put stems where DJ programs find them.",
    "export-ableton": "Make a project for Ableton Live out of stems.",
    "check": "Look at files as decks and DJ programs do.",
    "verify": "Read stems back and check them against their record.",
    "artifacts": "List every stem made, and what it was made from.",
    "cache": "Look at the separated stems that are kept, and clear them.",
    "engines": "List the engines: ready, or what to type to make them so.",
    "config": "Show and change the settings.",
    "doctor": "Check this machine and a folder: decoders, engines, names, locks, space.",
    "completion": "Print the completion script of a shell.",
}
"""Every command and its line in `stem --help`; the code of `x-y` is `commands/x_y.py`, value `x_y`."""

_AGAIN_SECONDS = 0.01  # long enough for Python to leave the callback

_EPILOG = """\b
Examples:
  stem separate song.mp3
  stem separate *.flac --format flac --output ~/Stems
  stem separate song.wav --two-stems vocals
  stem demo

\b
Exit codes: 0 done, 1 a bug, 2 usage, 3 input, 4 engine or device,
5 output, 6 some tracks failed, 7 busy, 8 cloud or network,
9 faults found, 130 interrupted.
"""


class Lazy(click.Group):
    """A group that imports a command's module only when the command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"stem_cli.commands.{name}")
        command: click.Command = getattr(module, name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. That the reader of our output goes away, as `head` does, is no error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lazy, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="stem-cli")
def program() -> None:
    """Songs into stems that line up with the original, add up to it exactly and carry its tags.

    Everything happens on this machine; nothing is sent anywhere unless you ask for it.
    """


def main() -> None:
    """Run the program and leave with the exit code of what happened."""
    _open_streams()
    _stop_politely()
    try:
        result = program.main(standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = _say(Interrupted("interrupted; nothing half-made is left"))
        _empty_stdout()
        os._exit(code)  # Python would wait for threads, and end by the signal if that came inside of some imports
    except StemError as error:
        code = _say(error)
    except Exception as error:  # noqa: BLE001 - the last resort: a bug of ours ends in the log and in exit code 1
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        code = _say(OutputError("the disk is full", None, "Free some space.")) if full else _bug()
    _empty_stdout()
    if _somebody_hangs():
        os._exit(code)
    sys.exit(code)


def _open_streams() -> None:
    """Open what the caller closed: else the next file would get the number that libraries print their errors to."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stderr = sys.stderr or os.fdopen(2, "w", errors="backslashreplace", closefd=False)


def _stop_politely() -> None:
    """A polite kill and a closed terminal end the program as Ctrl-C does, with nothing half-made left."""

    def stop(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP; nohup has it ignored
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, stop)
    sys.unraisablehook = _stop_after_all


def _stop_after_all(lost: Any) -> None:
    """Python drops an interrupt that comes inside of a callback, as its imports have them: send it once more."""
    if lost.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(lost)
        return
    import _thread
    import threading

    again = threading.Timer(_AGAIN_SECONDS, _thread.interrupt_main)
    again.daemon = True
    again.start()


def _somebody_hangs() -> bool:
    """Whether a thread was given up, in a driver or in the network: Python crashes where it wakes up during its end."""
    import threading

    return any(thread.daemon for thread in threading.enumerate())


def _empty_stdout() -> None:
    """Drop what could not be written, or Python would try again on its way out and complain."""
    try:
        if sys.stdout is not None:  # None where the caller closed it
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(error: StemError) -> int:
    click.echo(f"stem: {error}", err=True)
    return error.exit_code


def _bug() -> int:
    from stem_cli import logbook

    place = logbook.record_bug()
    click.echo(f"stem: this is a bug of ours, not of yours. Please report it with the log: {place}", err=True)
    return StemError.exit_code


if __name__ == "__main__":
    main()
