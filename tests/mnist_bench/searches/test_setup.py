"""What the options of a search make of a space: its sampler and pruner, built-in or your own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.setup import SearchSetup
from search.errors import SpaceError, UsageError
from search.strategies.pruners import Median, NoPruner, Pruner
from search.strategies.samplers import SAMPLERS, Curves, ForeignSampler, Random, Sampler, Tpe
from support import own_code
from support.own_data import arrays, write_npz


def made(space: str = "smoke", **options: Any) -> SearchSetup:
    return SearchSetup.of(SearchConfig(space=space, **options))


def ways(setup: SearchSetup) -> tuple[Sampler, Pruner]:
    return setup.sampler, setup.pruner


@pytest.mark.parametrize(
    ("named", "as_set"),
    [
        ({"sampler": {"name": "tpe", "n_startup_trials": 5}}, "sampler={name: tpe, n_startup_trials: 5}"),
        ({"pruner": "none"}, "pruner=none"),
        (
            {"sampler": {"name": "optuna:TPESampler", "multivariate": True}},
            "sampler={name: optuna:TPESampler, multivariate: true}",
        ),
    ],
)
def test_a_built_in_name_is_what_set_makes_of_it(named: dict[str, Any], as_set: str) -> None:
    assert made(**named).space.to_spec() == made(overrides=(f"search.{as_set}",)).space.to_spec()


def test_names_go_before_what_the_file_says(tmp_path: Path) -> None:
    file = ("search={sampler: random, pruner: median}",)
    assert ways(made(overrides=file)) == (Random(), Median())
    assert ways(made(overrides=file, pruner="none")) == (Random(), NoPruner())
    name = own_code.write(tmp_path, own_code.SEEDED)
    own = made(overrides=file, sampler={"name": name, "share": 0.2})
    assert isinstance(own.sampler, ForeignSampler)
    assert (own.sampler.options, own.pruner) == ({"share": 0.2}, Median())
    assert own.space.settings["search"] == {"pruner": "median"}


def test_code_leaves_a_space_that_says_nothing_as_it_is(tmp_path: Path) -> None:
    name = own_code.write(tmp_path, own_code.SEEDED)
    silent = tmp_path / "silent.yaml"
    for text in ("", "search: {}\n"):
        silent.write_text(f"model: {{blocks: {{int: [1, 2]}}}}\n{text}")
        assert made(str(silent), sampler=name).space.to_spec() == made(str(silent)).space.to_spec()
    alone = made(str(silent), overrides=("search={sampler: random}",), sampler=name).space
    assert "search" not in alone.settings


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"sampler": "no-such-sampler"},
            rf"^no sampler 'no-such-sampler'; there are {', '.join(SAMPLERS)}, and Optuna's, such as "
            "optuna:GPSampler; your own code",
        ),
        ({"pruner": {"name": "asha", "eta": 3}}, r"^pruner asha has no option 'eta'; it has reduction_factor"),
    ],
)
def test_what_is_named_wrongly_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        made(**options)


def test_a_name_that_was_not_given_says_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"name: {'n' * 64}\noptim: {{lr: {{float: [0.1, 0.2]}}}}\n")
    setup = made(str(tmp_path / "mine.yaml"), results=tmp_path)
    with pytest.raises(
        UsageError, match=r"n-0', the space's name and the seed, cannot name a study: .* --study-name\.$"
    ):
        _ = setup.files
    named = replace(setup, config=replace(setup.config, study_name="mine"))
    assert named.files.name == "mine"


def test_a_subset_that_the_data_do_not_hold_is_told_at_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    mine = write_npz(tmp_path / "mine.npz", arrays(classes=10, side=28))
    with pytest.raises(SpaceError, match=r"smoke\.yaml:\d+:9 +subset: 6000 is more than there are: 400 images;"):
        made(data=mine)


def test_set_makes_no_code_run(tmp_path: Path) -> None:
    name = own_code.write(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(SpaceError, match=r"is code, which a file cannot run; name it with --sampler"):
        made(overrides=(f"search.sampler={name}",))
    assert not (tmp_path / "ran").exists()


def test_a_space_without_a_sampler_has_curves_and_with_two_objectives_tpe() -> None:
    assert made(overrides=("search=null",)).sampler == Curves()
    assert made(overrides=("search=null", "objective=[val_accuracy, macs]")).sampler == Tpe()


def test_a_search_is_portable_if_its_training_is() -> None:
    assert made().is_portable
    assert not made(overrides=("precision=fp32",)).is_portable
    assert not made("small").is_portable
    assert made("small", overrides=("precision=portable",)).is_portable


@pytest.fixture
def avx2_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this processor look like one without AVX-512 and bf16."""
    monkeypatch.setattr("mnist_bench.numerics.operations.computes_portable_bits", lambda: False)
    for module in ("kinds", "operations"):
        monkeypatch.setattr(f"mnist_bench.numerics.{module}.cpu_flags", lambda: frozenset({"avx2", "fma"}))


@pytest.mark.usefixtures("avx2_alone")
@pytest.mark.parametrize(
    ("options", "precision"),
    [
        ({}, "portable"),
        ({"overrides": ("precision=fp32",)}, "fp32"),
        ({"executor": "ray"}, "auto"),
        ({"executor": "in-process"}, "auto"),
    ],
)
def test_without_a_precision_a_search_is_portable_if_that_is_free(
    tmp_path: Path, options: dict[str, Any], precision: str
) -> None:
    assert made("small", results=tmp_path, **options).precision == precision


@pytest.mark.usefixtures("avx2_alone")
@pytest.mark.parametrize("precision", ["fp32", "portable"])
def test_a_study_keeps_the_precision_of_its_start(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = {"space": {}, "numerics": {"precision": precision}}
    monkeypatch.setattr("mnist_bench.searches.setup.specification", lambda files: begun)
    assert made("small").is_portable is (precision == "portable")
