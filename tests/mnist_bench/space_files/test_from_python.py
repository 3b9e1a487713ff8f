"""Spaces and recipes written in Python say what files say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mnist_bench.config.settings import ModelConfig, OptimConfig, TrainConfig
from mnist_bench.space_files import from_python, space_sources
from search import canonical_json
from search.errors import SpaceError, UsageError
from search.space.space import Space
from search.space.yaml_text import MAX_DEPTH
from support.dose import dose

TEXT = """\
name: mine
epochs: 3
limits: {macs: 8e6}
model:
  blocks: {int: [1, 2]}
  batchnorm: {choice: [none, before_activation]}
  filters: 16
optim:
  lr: {float: [1e-4, 1e-1], log: true}
  drops: 0
"""
SAME: dict[str, Any] = {
    "name": "mine",
    "epochs": np.int64(3),
    "limits": {"macs": 8e6},
    "model": {"blocks": {"int": (1, 2)}, "batchnorm": {"choice": ["none", "before_activation"]}, "filters": 16},
    "optim": {"lr": {"float": [np.float64(1e-4), 1e-1], "log": True}, "drops": 0},
}


def test_a_mapping_is_the_space_of_the_file_that_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(TEXT)
    file, mapping = space_sources.load(tmp_path / "mine.yaml"), space_sources.load(SAME)
    assert canonical_json.dumps(mapping.to_spec()) == canonical_json.dumps(file.to_spec())
    (tmp_path / "again.yaml").write_text(mapping.to_yaml())
    again = space_sources.load(tmp_path / "again.yaml")
    assert canonical_json.dumps(again.to_spec()) == canonical_json.dumps(file.to_spec())
    replaced = [space_sources.load(source, ["optim.lr=0.01"]).to_spec() for source in (SAME, tmp_path / "mine.yaml")]
    assert replaced[0] == replaced[1]


def test_a_configuration_is_a_recipe() -> None:
    config = TrainConfig(epochs=2, model=ModelConfig(blocks=1, filters=(8,)), optim=OptimConfig(lr=1e-3, drops=0))
    assert space_sources.recipe(space_sources.load(config)) == config
    numpys: Any = np.int64(3)
    assert space_sources.recipe(space_sources.load(TrainConfig(epochs=numpys))) == TrainConfig(epochs=3)


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(min_codepoint=32, max_codepoint=0x2000, blacklist_categories=("Cc", "Cs")), max_size=12)
)  # fmt: skip
KEYS = st.text("abc_.-<1 äß", min_size=1, max_size=5)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=9)


@given(st.dictionaries(KEYS, VALUES, min_size=1))
@settings(max_examples=dose(200))
def test_what_a_file_would_hold_is_what_was_given_or_is_refused(values: dict[str, Any]) -> None:
    try:
        document = from_python.document(values)
    except SpaceError:
        return  # a character or a key that no file may have
    assert document.value == values


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"model": {"blocks": {1, 2}}}, "space: model.blocks: {1, 2} cannot be in a space file; write a number"),
        ({"optim": {"lr": float("nan")}}, "space: optim.lr: nan cannot be in a space file; write a number that is"),
        ({"model": {3: 1}}, "space: model: key 3 is not a text; a field needs a name."),
        ({"epochs": Path("3")}, r"space: epochs: PosixPath\('3'\) cannot be in a space file"),
    ],
)
def test_what_no_file_can_hold_is_refused_with_its_place(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=f"^{sentence}"):
        space_sources.load(values)


def test_faults_name_fields_and_no_lines() -> None:
    with pytest.raises(SpaceError) as caught:
        space_sources.load({"model": {"batchnrom": "none"}, "optim": {"lr": {"float": [0, 1], "log": True}}})
    assert sorted(str(caught.value).splitlines()) == [
        "space: model.batchnrom: no such field; did you mean `batchnorm`?",
        "space: optim.lr: low 0 with log: true; a logarithmic range needs low > 0",
    ]
    with pytest.raises(SpaceError, match=r"^space: name: 3 is not text; quote it$"):
        space_sources.load({"name": 3})
    with pytest.raises(SpaceError, match=r"^space: one\.rate: "):
        Space.of({"one": {"rate": {"float": [1]}}})


def test_what_is_too_deep_for_a_file_is_refused() -> None:
    values: dict[str, Any] = {}
    for _ in range(MAX_DEPTH + 1):
        values = {"model": values}
    with pytest.raises(SpaceError, match="nested deeper than"):
        space_sources.load(values)
