"""What the check-up of a machine makes of what it finds."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from mnist_bench.data.choice import TRAIN_FILES
from mnist_bench.doctor import machine_checks
from mnist_bench.doctor.checkup import Diagnostic
from mnist_bench.numerics.kinds import PORTABLE_CHECKS
from search.errors import UsageError
from support import own_data

MOUNTS = """\
sysfs /sys sysfs rw 0 0
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/vdb /home/me/local xfs rw 0 0
//server/share /mnt/my\\040share cifs rw 0 0
"""
RESULTS = Path("results")
OF_THE_MACHINE = {"bfloat16", "memory", "disk", "file system"}
"""What may be a problem of the machine on which the tests run, or of what else it does."""


@pytest.mark.slow
def test_a_machine_on_which_all_is_well(tmp_path: Path) -> None:
    findings = list(machine_checks.examine(results=tmp_path / "results", device="cpu", data_dir=None))
    about = [finding.about for finding in findings]
    assert about[:3] == ["machine", "packages", "GPU"]
    assert {"computing", "training data", "test data", "disk", "file system", "results"} <= set(about)
    problems = {finding.about for finding in findings if finding.severity == "problem"}
    assert problems <= OF_THE_MACHINE
    assert not (tmp_path / "results").exists()
    (tmp_path / "results").touch()
    findings = [*machine_checks.folder(tmp_path / "results" / "below")]
    assert next(finding.severity for finding in findings if finding.about == "results") == "problem"


@pytest.mark.parametrize(
    ("found", "severity", "words"),
    [
        ({"check": PORTABLE_CHECKS[0], "wide_check": PORTABLE_CHECKS[1]}, "ok", "bit-identical to other machines"),
        ({"check": PORTABLE_CHECKS[0], "wide_check": "77c0", "torch": "2.99"}, "note", "different floating-.*2.99"),
        (UsageError("Portable precision needs an x86-64 processor."), "note", "cannot take part .*needs an x86-64"),
    ],
)
def test_whether_a_machine_computes_portable_bits(
    found: Mapping[str, str] | UsageError, severity: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def numerics_here(device: str, precision: str) -> Mapping[str, str]:
        if isinstance(found, UsageError):
            raise found
        return found

    monkeypatch.setattr(machine_checks, "numerics_here", numerics_here)
    finding = machine_checks.portable()
    assert (finding.about, finding.severity) == ("portable", severity)
    assert re.search(words, finding.text)


def test_packages_out_of_their_ranges_are_told_with_what_to_install() -> None:
    needed = ["optuna<6,>=5", "torch>=2.10", "numpy>=2", 'torchvision>=0.25; extra == "datasets"']
    versions = {"optuna": "4.1.0", "torch": "2.13.0+cpu"}
    finding = machine_checks.packages(needed, versions.get)
    assert finding.severity == "problem"
    assert finding.text == "optuna 4.1.0 (needed: <6,>=5), numpy missing (needed: >=2)."
    assert finding.advice == "pip install 'optuna<6,>=5' 'numpy>=2'"
    assert machine_checks.packages(needed, (versions | {"optuna": "5.2", "numpy": "2.4"}).get).severity == "ok"


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/", "ext4"), ("/home/me", "nfs4"), ("/home/me/local/results", "xfs"), ("/homes", "ext4"),
     ("/mnt/my share/results", "cifs"), ("/sys", "sysfs")],
)  # fmt: skip
def test_the_file_system_is_the_innermost_one(folder: str, kind: str) -> None:
    assert machine_checks.filesystem_of(Path(folder), MOUNTS) == kind


@pytest.mark.parametrize(
    ("finding", "severity", "advice"),
    [
        (machine_checks.filesystem("tmpfs", RESULTS), "ok", ""),
        (machine_checks.filesystem("nfs4", RESULTS), "problem", "--results"),
        (machine_checks.filesystem("cifs", RESULTS), "problem", "--results"),
        (machine_checks.bfloat16(1.0), "ok", ""),
        (machine_checks.bfloat16(3.0), "problem", "Use `train --set precision=fp32`; a search uses"),
        (machine_checks.memory(16e9, started=8), "ok", ""),
        (machine_checks.memory(2e9, started=8), "note", "--workers 3;"),
        (machine_checks.memory(1e8, started=8), "problem", "--workers 1;"),
        (machine_checks.room(5e9, RESULTS), "ok", ""),
        (machine_checks.room(1e6, RESULTS), "problem", "Free some space"),
    ],
)
def test_what_a_measurement_means(finding: Diagnostic, severity: str, advice: str) -> None:
    assert finding.severity == severity
    assert advice in finding.advice
    assert bool(finding.advice) == (severity != "ok")


FULL = {"memory.max": "4000000000", "memory.current": "3000000000"}
CACHED = "anon 500000000\ninactive_anon 7\ninactive_file 2000000000\nactive_file 500000000"


@pytest.mark.parametrize(
    ("group", "available"),
    [
        ({}, 8e9),
        ({**FULL, "memory.max": "max", "memory.stat": "inactive_file 0"}, 8e9),
        ({**FULL, "memory.stat": "inactive_file 0"}, 1e9),
        ({**FULL, "memory.stat": CACHED}, 3e9),
        ({**FULL, "memory.max": "90000000000", "memory.stat": "inactive_file 0"}, 8e9),
    ],
)
def test_memory_that_a_containers_page_cache_holds_is_available(
    tmp_path: Path, group: Mapping[str, str], available: float
) -> None:
    assert machine_checks.available_memory(tmp_path / "meminfo", tmp_path) is None
    (tmp_path / "meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable: 7812500 kB\nHugePages_Total: 0\n")
    for name, text in group.items():
        (tmp_path / name).write_text(f"{text}\n")
    assert machine_checks.available_memory(tmp_path / "meminfo", tmp_path) == available


def test_data_that_are_damaged_or_not_there(tmp_path: Path) -> None:
    folder = own_data.write_data(tmp_path, train=60, test=10)
    assert [finding.severity for finding in machine_checks.data(folder)] == ["ok", "ok"]
    for path in folder.glob("t10k*"):
        path.unlink()
    assert [finding.severity for finding in machine_checks.data(folder)] == ["ok", "note"]
    images = folder / TRAIN_FILES[0]
    images.write_bytes(images.read_bytes()[:-1])
    (finding,) = machine_checks.data(folder)
    assert finding.severity == "problem"
    assert "is cut off" in finding.text


def test_a_machine_that_computes_otherwise_each_time_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter("ab")
    numerics_check = functools.cache(lambda device, precision: next(drawn) * 64)
    monkeypatch.setattr("mnist_bench.doctor.machine_checks.numerics_check", numerics_check)
    assert machine_checks.computing("cpu", "fp32").severity == "problem"


@pytest.mark.slow
def test_variables_that_change_bits_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    finding = machine_checks.computing("cpu", "fp32")
    assert finding.severity == "note"
    assert "ONEDNN_MAX_CPU_ISA=AVX2" in finding.text
