"""Finding, loading and reading space files."""

from __future__ import annotations

import io
import sys
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, Phase, TrainConfig
from mnist_bench.picture_form import PictureForm
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.drawn import samples
from search import canonical_json
from search.errors import SpaceError, UsageError
from search.space.yaml_text import MAX_DEPTH
from support.dose import dose

LR = "optim: {lr: {float: [0.1, 0.2]}}\n"


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a file of its own."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.yaml"
    file.write_text("epochs: 2\nmodel: {blocks: 1, filters: [8], hidden_units: {value: 64}}\noptim: {lr: 1e-2}\n")
    return file


@pytest.mark.parametrize("name", space_sources.shipped())
def test_shipped_spaces_are_right_and_named_after_their_file(name: str) -> None:
    space = space_sources.load(name)
    assert space.name == name.rpartition("/")[2]
    assert space_sources.find(name).read_text().startswith("# yaml-language-server: $schema=")
    for params in samples(space, 5, seed=0):
        assert isinstance(space_sources.config(space, params), TrainConfig)


def test_a_path_comes_before_a_shipped_name_and_a_folder_hides_none(mine: Path) -> None:
    assert space_sources.find("mine.yaml") == Path("mine.yaml")
    for name in ("conv", "mine"):
        Path(name).mkdir()
    assert space_sources.find("conv").name == "conv.yaml"
    with pytest.raises(UsageError, match=r"^mine: cannot be read: Is a directory"):
        space_sources.load("mine")
    Path("conv").rmdir()
    Path("conv").write_text("epochs: 1")
    assert space_sources.find("conv") == Path("conv")


@pytest.mark.parametrize("name", ["conw", "spaces/convv.yaml", "\0", "x" * 5000])
def test_a_missing_file_names_the_shipped_spaces(name: str) -> None:
    with pytest.raises(UsageError, match=r"no such file or bundled space.* Bundled: .*conv.*smoke") as caught:
        space_sources.find(name)
    assert ("did you mean `conv`?" in str(caught.value)) == ("conv" in name or "conw" in name)


def test_the_installed_copies_go_first(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mine.parent / "notebook").mkdir()
    (mine.parent / "notebook" / "linear.yaml").write_text("model: {blocks: 0}")
    monkeypatch.setattr(space_sources, "FOLDERS", (mine.parent, *space_sources.FOLDERS))
    assert list(space_sources.shipped()) == ["mine", "notebook/linear"]
    assert space_sources.load("notebook/linear").is_recipe


def test_faults_of_form_names_and_values_come_together_in_the_order_of_the_file(mine: Path) -> None:
    mine.write_text(
        "model: {batchnrom: none, block_dropout: {float: [0, 1.3]}}\noptim: {lr: {float: [0, 1], log: true}}"
    )
    with pytest.raises(SpaceError) as caught:
        space_sources.load("mine.yaml")
    told = [line.partition(": ")[0] for line in str(caught.value).splitlines()]
    assert told == [
        f"mine.yaml:{place}" for place in ("1:9  model.batchnrom", "1:53  model.block_dropout", "2:13  optim.lr")
    ]
    assert caught.value.exit_code == 2


def test_load_reads_the_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"epochs: 2\n")))
    space = space_sources.load("-")
    assert (space.name, space.settings) == ("stdin", {"epochs": 2})


def test_the_data_are_loaded_as_the_space_asks() -> None:
    space, data = space_sources.open_with_data("smoke", ["dataset=mnist-red"], data_dir=None)
    assert (data.dataset, data.subset) == ("mnist-red", space.settings["subset"])


def test_a_subset_that_replaces_the_files_may_fit_the_data_where_that_does_not() -> None:
    assert space_sources.load("smoke", ["subset=1000"], images=5000).settings["subset"] == 1000
    with pytest.raises(SpaceError, match=r"^--set subset:1:1  subset: 7000 is more than there are: 1000 to 5000"):
        space_sources.load("smoke", ["subset=7000"], images=5000)


def test_an_override_may_give_nets_that_fit_the_data_where_the_files_do_not() -> None:
    form = PictureForm(channels=3, height=5, width=5, classes=4)
    overrides = ["model.blocks=1", "model.convs_per_block=1", "model.filters=16"]
    space_sources.load("ladder/99.6", overrides, form=lambda _: form)
    with pytest.raises(SpaceError, match=r"ladder/99\.6\.yaml:\d+:\d+  model"):
        space_sources.load("ladder/99.6", ["optim.batch_size=32"], form=lambda _: form)
    with pytest.raises(SpaceError, match=r"^--set model.blocks:1:1  model"):
        space_sources.load("ladder/99.6", ["model.filters=8", "model.blocks=7"], form=lambda _: form)


def test_an_override_may_make_fit_together_what_does_not_in_the_file(mine: Path) -> None:
    mine.write_text(f"epochs: 2\nperiods: [1, 3]\ntrain_on: all\n{LR}")
    assert space_sources.load(mine, ["epochs=3", "optim.lr=0.1"]).is_recipe
    with pytest.raises(SpaceError, match=r"mine.yaml:3:11  train_on: all leaves a search no image"):
        space_sources.load(mine, ["epochs=3"])
    with pytest.raises(SpaceError, match=r"mine.yaml:2:10  periods: \[1, 3\] does not rise to 2"):
        space_sources.load(mine, ["train_on=search_split"])


def test_null_takes_a_setting_away_where_it_is_no_value_and_is_refused_in_a_file(mine: Path) -> None:
    taken = space_sources.load("smoke", ["subset=null", "search=null", "epochs=null"], images=600)
    assert not {"subset", "search", "epochs"} & {*taken.settings}
    assert space_sources.load("smoke", ["periods=null"]).settings["periods"] is None
    with pytest.raises(SpaceError, match=r"--set nosuch:1:1  nosuch: no such setting"):
        space_sources.load("smoke", ["nosuch=null"])
    mine.write_text(f"subset: null\n{LR}")
    for overrides in ([], ["epochs=3"]):
        with pytest.raises(SpaceError, match=r"mine.yaml:1:9  subset: null is not an integer"):
            space_sources.load(mine, overrides)


def test_a_recipe_is_a_configuration_and_a_space_is_none(mine: Path) -> None:
    mine.write_text(mine.read_text() + "phases: [{epochs: 1, lr: 1e-3}, {epochs: 1, augment: {zoom: 0.1}}]\n")
    assert space_sources.recipe(space_sources.load(mine, ["optim.lr=0.5"])) == TrainConfig(
        epochs=2,
        model=ModelConfig(blocks=1, filters=(8,), hidden_units=64),
        optim=OptimConfig(lr=0.5),
        phases=(Phase(epochs=1, lr=1e-3), Phase(epochs=1, augment=AugmentConfig(zoom=0.1))),
    )
    with pytest.raises(UsageError, match=r"a recipe has no ranges; set model\.\w+, .* and \d+ more to one value each"):
        space_sources.recipe(space_sources.load("conv"))


SAME: dict[str, Any] = {
    "name": "mine",
    "epochs": np.int64(3),
    "limits": {"macs": 8e6},
    "model": {"blocks": {"int": (1, 2)}, "batchnorm": {"choice": ["none", "before_activation"]}, "filters": 16},
    "optim": {"lr": {"float": [np.float64(1e-4), 1e-1], "log": True}, "drops": 0},
}


def test_a_mapping_is_the_space_of_the_file_that_says_the_same(mine: Path) -> None:
    mine.write_text(
        "name: mine\nepochs: 3\nlimits: {macs: 8e6}\n"
        "model: {blocks: {int: [1, 2]}, batchnorm: {choice: [none, before_activation]}, filters: 16}\n"
        "optim: {lr: {float: [1e-4, 1e-1], log: true}, drops: 0}\n"
    )
    for overrides in ([], ["optim.lr=0.01"]):
        file, mapping = (space_sources.load(source, overrides) for source in (mine, SAME))
        assert canonical_json.dumps(mapping.to_spec()) == canonical_json.dumps(file.to_spec())
        Path("again.yaml").write_text(mapping.to_yaml())
        assert space_sources.load("again.yaml").to_spec() == file.to_spec()


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
        document = space_sources.document(values)
    except SpaceError:
        return  # a character or a key that no file may have
    assert document.value == values


DEEP: dict[str, Any] = reduce(lambda inner, _: {"model": inner}, range(MAX_DEPTH + 1), {})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"model": {"blocks": {1, 2}}}, "space: model: blocks: {1, 2} cannot be in a space file; write a number"),
        ({"optim": {"lr": float("nan")}}, "space: optim: lr: nan cannot be in a space file; write a number that is"),
        ({"model": {3: 1}}, "space: model: key 3 is not a text; a field needs a name."),
        ({"model": {"batchnrom": "none"}}, r"space: model\.batchnrom: no such field; did you mean `batchnorm`\?$"),
        ({"name": 3}, "space: name: 3 is not text; quote it$"),
        (DEEP, "space:.*nested deeper than"),
    ],
)
def test_what_no_file_can_hold_is_refused_with_its_field(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=f"^{sentence}"):
        space_sources.load(values)
