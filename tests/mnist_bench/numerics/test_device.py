"""What the bits depend on, and the bits of portable trainings."""

from __future__ import annotations

import json

import pytest
import torch

from mnist_bench.numerics import kinds, operations
from mnist_bench.numerics.checks import numerics_check
from mnist_bench.numerics.device import choose_precision, describe, find_device, setup
from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.operations import best_precision
from search.errors import UsageError
from support import golden_weights, wants
from support.paths import ROOT

GOLDEN = ROOT / "tests" / "mnist_bench" / "golden.json"
RECORDED = ROOT / "tests" / "digests.json"
CPU = torch.device("cpu")


def test_setup_makes_this_process_deterministic() -> None:
    assert setup("cpu") == (CPU, best_precision(CPU))
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark


def test_the_description_is_plain_and_names_what_may_differ(
    device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    found = describe(device, "fp32")
    assert json.loads(json.dumps(found)) == found
    assert found["check"] == numerics_check("cpu", "fp32")
    assert found["environment"]["ATEN_CPU_CAPABILITY"] == "avx2"
    assert (found["kind"], found["threads"], found["torch"]) == ("cpu-fp32", 1, torch.__version__)
    assert any("MKL-DNN" in library for library in found["libraries"])


def test_a_precision_is_named_or_the_best_and_portable_is_the_cpus() -> None:
    named = ("bf16", "fp32", "portable")
    assert [choose_precision(CPU, name) for name in (*named, "auto")] == [*named, best_precision(CPU)]
    assert find_device("auto", "portable") == CPU
    for device, name, words in (
        (CPU, "float32", r"^precision='float32': give auto, bf16, fp32 or portable"),
        (torch.device("cuda"), "portable", r"^device cuda: does not support portable precision; use --device cpu"),
    ):
        with pytest.raises(UsageError, match=words):
            choose_precision(device, name)


@pytest.mark.parametrize(
    ("vendor", "flags", "expected", "portable_is_free"),
    [
        ("AuthenticAMD", "fpu avx2 fma avx512_bf16", "bf16", False),
        ("GenuineIntel", "fpu avx2 fma avx512_bf16 amx_bf16", "bf16", False),
        ("GenuineIntel", "fpu avx2 fma avx512_bf16", "fp32", True),
        ("AuthenticAMD", "fpu avx2 fma avx512f", "fp32", False),
        ("AuthenticAMD", "fpu avx2 fma", "fp32", True),
        ("AuthenticAMD", "fpu avx", "fp32", False),
    ],
)
def test_the_precision_follows_from_the_processor(
    vendor: str, flags: str, expected: Precision, portable_is_free: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "computes_portable_bits", lambda: False)
    for module in (kinds, operations):
        monkeypatch.setattr(module, "cpu_flags", lambda: frozenset(flags.split()))
    monkeypatch.setattr(operations, "cpu_line", {"vendor_id": vendor}.get)
    assert operations.best_precision(CPU) == expected
    assert operations.portable_is_free(CPU) is portable_is_free
    assert not operations.portable_is_free(torch.device("cuda"))
    monkeypatch.setattr(operations, "computes_portable_bits", lambda: True)
    assert operations.best_precision(CPU) == "portable"


@pytest.mark.slow
def test_portable_trainings_have_the_recorded_bits() -> None:
    """`make digests` compares those of the other precisions, whose bits depend on the processor."""
    numerics_check, found = golden_weights.trained(json.loads(GOLDEN.read_text())["cases"], "portable")
    known = json.loads(RECORDED.read_text()).get(
        f"canary {numerics_check}, torch {'.'.join(wants.release(torch.__version__))}"
    )
    if known is None:
        pytest.skip(wants.bits(f"weights with PyTorch {torch.__version__}", "digests.py --record"))
    assert {f"training: {name}, portable": weights for name, weights in found.items()} == known


@pytest.mark.parametrize(
    ("vendor", "family", "model", "generation"),
    [
        ("AuthenticAMD", "25", "1", "Zen 3"),
        ("AuthenticAMD", "25", "17", "Zen 4"),
        ("AuthenticAMD", "27", "1", ""),
        ("GenuineIntel", "25", "17", ""),
    ],
)
def test_a_processors_generation_follows_from_its_family_and_model(
    vendor: str, family: str, model: str, generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"vendor_id": vendor, "cpu family": family, "model": model}
    monkeypatch.setattr(kinds, "cpu_line", said.__getitem__)
    assert kinds.cpu_generation() == generation
