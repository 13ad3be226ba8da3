"""A PostgreSQL server of the tests' own, in a temporary folder, on a free port, gone when they end."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_START_SECONDS = 60


def binaries() -> Path | None:
    """The folder of initdb: Debian hides it under the version, the newest is taken."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    named = shutil.which("initdb")
    return found[-1].parent if found else Path(named).parent if named else None


def missing() -> str:
    """Why there can be no server here, or ""."""
    if importlib.util.find_spec("psycopg") is None:
        return "install postgresql: pip install 'psycopg[binary]'"
    if binaries() is None:
        return "install postgresql"
    return "" if os.getuid() or _other_user() else "install postgresql: root needs another user to start it as"


def _other_user() -> str:
    """PostgreSQL refuses to run as root."""
    names = {user.pw_name for user in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), "")


def _as_other(command: list[object]) -> list[str]:
    words = [str(word) for word in command]
    if os.getuid():
        return words
    user = pwd.getpwnam(_other_user())
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--", *words]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server() -> Iterator[str]:
    """Start one; gives its URL without a database's name. Skips where it cannot."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    home, folder = Path(tempfile.mkdtemp(prefix="stem-pg-")), binaries()
    assert folder is not None
    try:
        if not os.getuid():
            os.chown(home, pwd.getpwnam(_other_user()).pw_uid, -1)
        home.chmod(0o700)
        data, port = home / "data", _free_port()
        initdb = [folder / "initdb", "-D", data, "-U", "stem", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(_as_other(initdb), check=True, capture_output=True, cwd="/")
        options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=50"
        start = [folder / "pg_ctl", "-D", data, "-o", options, "-l", home / "log", "-w", "-t", _START_SECONDS, "start"]
        subprocess.run(_as_other(start), check=True, capture_output=True, cwd="/")
        try:
            yield f"postgresql://stem@127.0.0.1:{port}"
        finally:
            stop = [folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"]
            subprocess.run(_as_other(stop), check=True, capture_output=True, cwd="/")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def new_database(url: str) -> str:
    """The URL of a database that was just made on the server."""
    import psycopg

    name = f"stem_{uuid.uuid4().hex}"
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{url}/{name}"


@contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of a new database on a server of its own."""
    with server() as url:
        yield new_database(url)
