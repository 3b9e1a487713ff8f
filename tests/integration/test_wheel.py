"""The sdist and the wheel, installed outside of a checkout: they hold every file, and the program works."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.paths import ROOT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.cold,  # other environments and other programs than those of the tests
    pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling, which builds the wheel, is not installed"),
]


def build(what: str, source: Path, to: Path) -> Path:
    """Build an sdist or a wheel from the sources in a folder, without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", what, "--directory", str(to)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = to.glob("*.whl" if what == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel that is built from the unpacked sdist."""
    folder = tmp_path_factory.mktemp("wheel")
    # In a process of its own, because other tests close the test set for theirs.
    subprocess.run([sys.executable, "-m", "tarfile", "-e", str(sdist), str(folder)], check=True)
    return build("wheel", folder / sdist.name.removesuffix(".tar.gz"), folder)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment with the wheel alone; it borrows the dependencies of this one, not its mnist-bench."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "borrowed.pth").write_text("\n".join(borrowed))
    pip = [
        str(environment / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(pip, env=outside(), check=True)
    return environment


def outside() -> dict[str, str]:
    """Return the variables of this process without those that would let Python find the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(installed: Path, folder: Path, *arguments: str) -> str:
    """Return what a command of the installed program prints, run in a folder outside of the checkout."""
    program = installed / "bin" / "mnist-bench"
    done = subprocess.run([program, *arguments], cwd=folder, env=outside(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "mnist_bench", "search", "spaces"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    ).stdout.split()  # fmt: skip
    with zipfile.ZipFile(wheel) as archive:
        content = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
        licenses = {name.partition("/licenses/")[2] for name in archive.namelist() if "/licenses/" in name}
    in_checkout = {name.replace("mnist_bench/_spaces/", "spaces/"): name for name in content}
    assert sorted(in_checkout) == sorted(tracked)
    sums = subprocess.run(["sha256sum", *in_checkout], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert sums.split()[::2] == [hashlib.sha256(content[name]).hexdigest() for name in in_checkout.values()]
    assert licenses == {"LICENSE", "mnist_bench/data/README.md"}
    assert "License-Expression: MIT AND CC-BY-SA-3.0" in metadata


def test_an_installed_wheel_searches_exports_and_reads_benchmarks(installed: Path, tmp_path: Path) -> None:
    listed = run(installed, tmp_path, "space", "list")
    assert all(name in listed for name in ("conv", "smoke", "ladder/99.4", "notebook/batchnorm"))
    searched = run(installed, tmp_path, "search", "smoke", "--trials", "2", "--set", "subset=1000", "--set", "epochs=1")
    (digest,) = (line for line in searched.splitlines() if line.startswith("digest "))
    assert digest in run(installed, tmp_path, "leaderboard")
    comparison = "bench search --tables conv-5k --samplers random --seeds 2 --trials 1"
    assert "conv-5k" in run(installed, tmp_path, *comparison.split())
    run(installed, tmp_path, "plot", "smoke-0", "history")
    run(installed, tmp_path, "export", "smoke-0", "--to", "net")
    assert (tmp_path / "net" / "draw.html").stat().st_size > 1000
    where = [
        str(installed / "bin" / "python"),
        "-c",
        "import mnist_bench, search; print(mnist_bench.__file__, search.__file__)",
    ]
    found = subprocess.run(where, cwd=tmp_path, env=outside(), stdout=subprocess.PIPE, text=True, check=True).stdout
    assert all(path.startswith(str(installed)) for path in found.split())
