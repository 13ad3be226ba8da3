"""Install extras and development tools into the environment that runs this, one extra at a time.

Usage: install.py EXTRA[,EXTRA...]

`all` is every extra of pyproject.toml. An extra that cannot be installed because it needs a C compiler and there is
none is left out, and said so; its tests then skip. Anything else that fails ends the installation.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_COMPILERS = ("cc", "gcc", "clang", "cl")


def wanted(names: str) -> list[str]:
    """The extras to install, the development tools first."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in extras]
    if unknown:
        sys.exit(f"there is no extra {unknown[0]!r}; there are: {', '.join(extras)}")
    if "all" in chosen:
        chosen = [name for name in extras if name != "all"]
    return list(dict.fromkeys(["dev", *chosen]))


def install(extra: str) -> bool:
    """Install one extra; False where it was left out."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    constraints = ["--constraint", str(ROOT / "configs" / "constraints.txt")]
    done = subprocess.run([*pip, *constraints, "--editable", f"{ROOT}[{extra}]"], check=False)
    if done.returncode == 0:
        return True
    if not any(shutil.which(compiler) for compiler in _COMPILERS):
        print(f"[{extra}] is left out: it needs a C compiler and this machine has none.")
        return False
    sys.exit(f"[{extra}] could not be installed")


if __name__ == "__main__":
    names = wanted(sys.argv[1] if len(sys.argv) > 1 else "all")
    print("installed:", ", ".join(name for name in names if install(name)))
