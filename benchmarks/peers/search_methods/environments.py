"""An environment for each foreign library, made by plain venv and pip; `make search-peers` makes them all.

    python benchmarks/peers/search_methods/environments.py                those that are missing or out of date
    python benchmarks/peers/search_methods/environments.py --only smac    one of them

They lie in `.venv-peers`, which git ignores, and `make clean` removes them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / ".venv-peers"
"""Of all environments."""

REQUIREMENTS: Mapping[str, tuple[str, ...]] = {
    "optuna": ("optuna>=5,<6",),
    "smac": ("smac>=2.4,<2.5", "numpy>=2"),
    "syne-tune": ("syne-tune>=0.16,<0.17", "huggingface_hub>=0.20", "numpy>=2"),
}
"""The packages to install, by the environment's name. Syne Tune's CQR imports huggingface_hub, which it does not
declare."""


def python_of(name: str) -> Path:
    """Return the interpreter of an environment."""
    return FOLDER / name / "bin" / "python"


def is_made(name: str) -> bool:
    """Return whether an environment is there, with its packages."""
    marker = _marker(name)
    return marker.exists() and marker.read_text().split() == list(REQUIREMENTS[name])


def make(name: str) -> None:
    """Make an environment anew.

    Raises:
        subprocess.CalledProcessError: its requirements cannot be installed; pip has said why.
    """
    subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER / name], check=True)
    subprocess.run([python_of(name), "-m", "pip", "install", "--quiet", *REQUIREMENTS[name]], check=True)
    _marker(name).write_text("\n".join(REQUIREMENTS[name]) + "\n")


def _marker(name: str) -> Path:
    return FOLDER / name / "installed"


def main() -> None:
    """Make the environments named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=REQUIREMENTS, default=list(REQUIREMENTS), metavar="NAME")
    for name in parser.parse_args().only:
        if not is_made(name):
            print(f"{name}: installing {', '.join(REQUIREMENTS[name])}")
            make(name)


if __name__ == "__main__":
    main()
