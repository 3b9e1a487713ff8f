"""What the bits depend on, and the bits themselves."""

from __future__ import annotations

import json

import pytest
import torch

from mnist_bench.nets.cost_model import COEFFICIENTS
from mnist_bench.numerics import resources
from mnist_bench.numerics.canaries.canary import canary
from mnist_bench.numerics.device import choose_precision, describe, setup
from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.precision import best_precision
from search.errors import UsageError
from support import golden_weights, releases, wants
from support.paths import ROOT

GOLDEN = ROOT / "tests" / "mnist_bench" / "golden.json"
RECORDED = ROOT / "tests" / "digests.json"
CPU = torch.device("cpu")


def test_setup_makes_this_process_deterministic() -> None:
    assert setup("cpu") == CPU
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark


@pytest.mark.slow
def test_the_canary_repeats_and_tells_precisions_apart(device: torch.device) -> None:
    first = canary("cpu", "fp32")
    canary.cache_clear()
    assert canary("cpu", "fp32") == first
    assert canary("cpu", "bf16") != first


def test_the_description_is_plain_and_names_what_may_differ(
    device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    found = describe(device, "fp32")
    assert json.loads(json.dumps(found)) == found
    assert found["check"] == canary("cpu", "fp32")
    assert found["environment"]["ATEN_CPU_CAPABILITY"] == "avx2"
    assert (found["kind"], found["threads"], found["torch"]) == ("cpu-fp32", 1, torch.__version__)
    assert found["kind"] in COEFFICIENTS
    assert any("MKL-DNN" in library for library in found["libraries"])


def test_precision_by_name_or_the_best() -> None:
    assert [choose_precision(CPU, name) for name in ("bf16", "fp32")] == ["bf16", "fp32"]
    assert choose_precision(CPU, "auto") == best_precision(CPU)


def test_a_precision_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^precision='float32': give auto, bf16, fp32 or portable"):
        choose_precision(CPU, "float32")


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("AuthenticAMD", "fpu avx2 avx512_bf16", "bf16"),
        ("GenuineIntel", "fpu avx2 avx512_bf16 amx_bf16", "bf16"),
        ("GenuineIntel", "fpu avx2 avx512_bf16", "fp32"),
        ("AuthenticAMD", "fpu avx2 avx512f", "fp32"),
        ("", "", "fp32"),
    ],
)
def test_bf16_is_for_processors_that_are_faster_in_it(
    vendor: str, flags: str, expected: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mnist_bench.numerics import precision

    monkeypatch.setattr(precision, "computes_portable_bits", lambda: False)
    monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset(flags.split()))
    monkeypatch.setattr(precision, "cpu_line", {"vendor_id": vendor}.get)
    assert precision.best_precision(CPU) == expected
    monkeypatch.setattr(precision, "computes_portable_bits", lambda: True)
    assert precision.best_precision(CPU) == "portable"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("avx2 fma", True),
        ("avx2 fma avx512f", False),
        ("avx2 fma amx_bf16", False),
        ("avx", False),
    ],
)
def test_portable_precision_is_free_where_float32_has_no_faster_kernels(
    flags: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mnist_bench.numerics import portable, precision

    monkeypatch.setattr(precision, "computes_portable_bits", lambda: False)
    for module in (portable, precision):
        monkeypatch.setattr(module, "cpu_flags", lambda: frozenset(flags.split()))
    assert precision.portable_is_free(CPU) is expected
    assert not precision.portable_is_free(torch.device("cuda"))


@pytest.mark.slow
def test_portable_trainings_have_the_recorded_bits() -> None:
    """`make digests` compares those of the other precisions, whose bits depend on the processor."""
    canary, found = golden_weights.trained(json.loads(GOLDEN.read_text())["cases"], "portable")
    known = json.loads(RECORDED.read_text()).get(
        f"canary {canary}, torch {'.'.join(releases.release(torch.__version__))}"
    )
    if known is None:
        pytest.skip(wants.bits(f"weights with PyTorch {torch.__version__}", "digests.py --record"))
    assert {f"training: {name}, portable": weights for name, weights in found.items()} == known


@pytest.mark.parametrize(
    ("vendor", "family", "model", "generation"),
    [
        ("AuthenticAMD", "25", "1", "Zen 3"),
        ("AuthenticAMD", "25", "17", "Zen 4"),
        ("AuthenticAMD", "25", "160", "Zen 4"),
        ("AuthenticAMD", "26", "2", "Zen 5"),
        ("AuthenticAMD", "27", "1", ""),
        ("GenuineIntel", "25", "17", ""),
        ("", "", "", ""),
    ],
)
def test_a_processors_generation_follows_from_its_family_and_model(
    vendor: str, family: str, model: str, generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"vendor_id": vendor, "cpu family": family, "model": model}
    monkeypatch.setattr(resources, "cpu_line", said.__getitem__)
    assert resources.cpu_generation() == generation
