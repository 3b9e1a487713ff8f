"""Finding, loading and reading space files."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from mnist_bench.config.settings import ModelConfig, OptimConfig, TrainConfig
from mnist_bench.picture_form import PictureForm
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.drawn import samples
from search import canonical_json
from search.errors import SpaceError, UsageError
from search.space.space import Space

BAD = """\
# yaml-language-server: $schema=schema.json
name: mine
epochs: 6
search: {sampler: tpe}

model:
  batchnrom: none
  blocks: 2
  block_dropout:    {float: [0, 1.3]}
  filters: 16

augment: {zoom: 0.1}
optim:
  lr: {float: [0, 1e-1], log: true}
"""


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
    assert space.text.splitlines()[0].startswith("# yaml-language-server: $schema=")
    for params in samples(space, 5, seed=0):
        assert isinstance(space_sources.config(space, params), TrainConfig)


def test_the_default_spaces_are_shipped() -> None:
    assert {"conv", "conv-gpu", "smoke"} <= space_sources.shipped().keys()


FORMER = {
    "former/0.1/conv": "864624b9792caca184e52b81e1e1918ecd34846114c856e96d95e991476a1099",
    "former/0.1/ladder/99.4": "b84a3cf5d550dd83333f4545e9a7bcd4264bbc5ab86c359ff7c3f8ee3f94cde1",
    "former/0.1/ladder/99.6": "71f00ea67e247d72237c5ffde31dd2f1a3ef5e2f17b84d1cc8bd85540a535270",
    "former/0.1/mini": "5dbc18bc706eb212121f022fd4d97cce29acdc658725ac1dc699069340b6f29f",
    "former/0.1/notebook/batchnorm": "167cda1b3c0f6d314cb34493447aa1fa5af2bbdd66e4a2d3d162d38b55c1f4ec",
    "former/0.1/notebook/batchnorm_2": "e7eb82ac2f0de6348cfd6f5f18fa812ada0c020331674b19ef63d4584cb711e0",
    "former/0.1/notebook/dropout": "105bb0773f089bccf23255d395c47e3e683fc7989594935be7ce784e5d6ad7bf",
    "former/0.1/notebook/hidden": "f9b4a143b685ad3712abf1ae3add416012c3030fc1682ed8734d9b4530a79f26",
    "former/0.1/notebook/linear": "50be91f97826c39937970c6a32ab6f12a06d8eb3d5c8ea6d921c5ec823ab7d75",
    "former/0.1/notebook/lr_drop": "b961472e303ed6b204769d56b2fdbc71dd962bc63d40eb88e6a005d3446fcbf2",
    "former/0.1/notebook/three_channels": "9954caa6ec36fb92720b09dc2249536a3f46a9fcf486c5835ab006de1147a125",
    "former/0.1/notebook/vgg": "7aca8a7308cb3f2faf4fa49794f3138c4f1de4114a19418566aebdf582f91a66",
    "former/0.1/notebook/vgg_as_written": "7da50811140088cbad7b955b41cce9e77a6d120e20c221be26f9991ead083ff9",
    "former/0.1/notebook/vgg_augmented": "f9324509d77ee09ec0f30914fba28ce5f0870d556671334fa89d2c9a6cf760aa",
    "former/0.1/smoke": "3ab748cfd8287d4538d6664c0938312d8d43ae85eefca90983432f53ba5477c9",
    "former/0.2/conv-gpu": "dbfaa87cba37d93c410d3fabaa1c24a02f96d909c9d28367e80fd88f985cb7ab",
    "former/0.2/ladder/99.4": "0b81279b1ad3e97aa10f051135955bc82e376c91f4b3d86fc5ecbeff0cf1cc47",
    "former/0.2/ladder/99.6": "05750c90914b6d3aa5b20c108159510c6a2dd2c6f17a4ba167e17382b65f538e",
    "former/0.2/ladder/99.7": "fa2df41950da27c2af85a544cd4cf4ec0a7ec5fd396d9053fcb7d3f054377938",
    "former/0.2.dev0/mini": "d23cbe146353a226358fbd46bda124c65ce7f516d22c4a102e864f0dd98c50da",
}
"""SHA-256 of what the spaces of earlier releases specify: a study of theirs goes on with these and no others."""


def test_earlier_releases_spaces_are_kept_as_they_were() -> None:
    names = [name for current in space_sources.shipped() for name in space_sources.former(current)]
    assert {name: canonical_json.sha256(space_sources.load(name).to_spec()) for name in names} == FORMER
    assert not set(names) & space_sources.shipped().keys(), "a list of what there is shows the latest alone"


def test_a_shipped_space_is_known_by_its_file_too() -> None:
    assert space_sources.former(space_sources.find("conv")) == space_sources.former("conv") == ["former/0.1/conv"]
    assert space_sources.former(space_sources.find("notebook/vgg")) == ["former/0.1/notebook/vgg"]
    assert space_sources.former("vgg") == space_sources.former("small") == []


def test_find_prefers_a_path_and_knows_shipped_names(mine: Path) -> None:
    assert space_sources.find("mine.yaml") == Path("mine.yaml")
    assert space_sources.find(mine) == mine
    assert space_sources.find("conv").name == "conv.yaml"
    Path("conv").write_text("epochs: 1")
    assert space_sources.find("conv") == Path("conv")


def test_a_folder_hides_no_shipped_space(mine: Path) -> None:
    for name in ("conv", "mine"):
        Path(name).mkdir()
    assert space_sources.find("conv").name == "conv.yaml"
    with pytest.raises(UsageError, match=r"^mine: cannot be read: Is a directory"):
        space_sources.load("mine")


@pytest.mark.parametrize("name", ["conw", "spaces/convv.yaml", "no/such/file", "\0", "x" * 5000])
def test_a_missing_file_names_the_shipped_spaces(name: str) -> None:
    with pytest.raises(UsageError, match=r"no such file or bundled space.* Bundled: .*conv.*smoke") as caught:
        space_sources.find(name)
    assert ("did you mean `conv`?" in str(caught.value)) == ("conv" in name or "conw" in name)


def test_the_installed_copies_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebook").mkdir()
    (tmp_path / "notebook" / "linear.yaml").write_text("model: {blocks: 0}")
    monkeypatch.setattr("mnist_bench.space_files.space_sources.FOLDERS", (tmp_path, *space_sources.FOLDERS))
    assert list(space_sources.shipped()) == ["notebook/linear"]
    assert space_sources.load("notebook/linear").is_recipe


def test_faults_of_form_names_and_values_come_together(mine: Path) -> None:
    mine.write_text(BAD)
    with pytest.raises(SpaceError) as caught:
        space_sources.load("mine.yaml")
    assert str(caught.value).splitlines() == [
        "mine.yaml:7:3  model.batchnrom: no such field; did you mean `batchnorm`?",
        "mine.yaml:9:33  model.block_dropout: 1.3 is not below 1 (0 <= block_dropout < 1)",
        "mine.yaml:14:7  optim.lr: low 0 with log: true; a logarithmic range needs low > 0",
    ]
    assert caught.value.exit_code == 2


def test_load_reads_the_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"epochs: 2\n")))
    space = space_sources.load("-")
    assert (space.name, space.settings) == ("stdin", {"epochs": 2})


def test_overrides_are_checked_too(mine: Path) -> None:
    assert space_sources.recipe(space_sources.load(mine, ["optim.lr=0.5", "epochs=3"])).optim.lr == 0.5
    with pytest.raises(SpaceError, match=r"--set optim.lr:1:1  optim.lr: 99 is above 10"):
        space_sources.load(mine, ["optim.lr=99"])
    with pytest.raises(SpaceError, match=r"--set optim.lr:1:10  optim.lr: 0.0 is not above 0"):
        space_sources.load(mine, ["optim.lr={float: [0, 1]}"])


def test_a_subset_that_replaces_the_files_may_fit_the_data_where_that_does_not() -> None:
    assert space_sources.load("smoke", ["subset=1000"], images=5000).settings["subset"] == 1000
    with pytest.raises(
        SpaceError, match=r"^--set subset:1:1  subset: 7000 is more than there are: 1000 to 5000 images"
    ):
        space_sources.load("smoke", ["subset=7000"], images=5000)


@pytest.mark.parametrize(
    ("name", "overrides", "side"),
    [
        ("conv", ["limits=null"], 64),
        ("ladder/99.6", ["model.blocks=1", "model.convs_per_block=1", "model.filters=16"], 5),
    ],
)
def test_an_override_may_give_nets_that_fit_the_data_where_the_files_do_not(
    name: str, overrides: list[str], side: int
) -> None:
    form = PictureForm(channels=3, height=side, width=side, classes=4)
    space_sources.load(name, overrides, form=lambda _: form)
    with pytest.raises(SpaceError, match=rf"{name}\.yaml:\d+:\d+  (limits\.macs|model)"):
        space_sources.load(name, ["optim.batch_size=32"], form=lambda _: form)
    with pytest.raises(SpaceError, match=r"^--set model.blocks:1:1  model"):
        space_sources.load(name, ["limits=null", "model.filters=8", "model.blocks=7"], form=lambda _: form)


def test_an_override_may_make_fit_together_what_does_not_in_the_file(mine: Path) -> None:
    mine.write_text("epochs: 2\nperiods: [1, 3]\ntrain_on: all\noptim: {lr: {float: [0.1, 0.2]}}\n")
    assert space_sources.load(mine, ["epochs=3", "optim.lr=0.1"]).is_recipe
    with pytest.raises(SpaceError, match=r"mine.yaml:3:11  train_on: all leaves a search no image"):
        space_sources.load(mine, ["epochs=3"])
    with pytest.raises(SpaceError, match=r"mine.yaml:2:10  periods: \[1, 3\] does not rise to 2"):
        space_sources.load(mine, ["train_on=search_split"])


def test_null_takes_a_setting_away_where_it_is_no_value() -> None:
    taken = space_sources.load("smoke", ["subset=null", "search=null", "epochs=null"], images=600)
    assert not {"subset", "search", "epochs"} & {*taken.settings}
    assert space_sources.load("smoke", ["periods=null"]).settings["periods"] is None
    with pytest.raises(SpaceError, match=r"--set nosuch:1:1  nosuch: no such setting"):
        space_sources.load("smoke", ["nosuch=null"])


def test_null_in_a_file_is_refused_where_it_is_no_value(mine: Path) -> None:
    mine.write_text("subset: null\noptim: {lr: {float: [0.1, 0.2]}}\n")
    for overrides in ([], ["epochs=3"]):
        with pytest.raises(SpaceError, match=r"mine.yaml:1:9  subset: null is not a whole number"):
            space_sources.load(mine, overrides)


def test_a_recipe_is_a_configuration(mine: Path) -> None:
    assert space_sources.recipe(space_sources.load(mine)) == TrainConfig(
        epochs=2, model=ModelConfig(blocks=1, filters=(8,), hidden_units=64), optim=OptimConfig(lr=0.01)
    )


def test_a_space_is_no_recipe() -> None:
    with pytest.raises(UsageError, match=r"a recipe has no ranges; set model\.\w+, .* and \d+ more to one value each"):
        space_sources.recipe(space_sources.load("conv"))


def test_phases_of_a_recipe(mine: Path) -> None:
    mine.write_text("epochs: 2\nphases: [{epochs: 1, lr: 1e-3}, {epochs: 1, augment: {zoom: 0.1}}]\n")
    first, second = space_sources.recipe(space_sources.load(mine)).phases
    assert first.lr == 1e-3
    assert second.augment is not None
    assert second.augment.zoom == 0.1


def test_inactive_fields_keep_their_defaults() -> None:
    space = space_sources.load("conv")
    params = next(p for p in samples(space, 50, seed=0) if p["model.hidden_layers"] == 0)
    assert space_sources.config(space, params).model.hidden_units == ModelConfig().hidden_units


def test_a_specification_gives_the_same_configurations() -> None:
    space = space_sources.load("conv")
    again = Space.from_spec(space.to_spec())
    for params in samples(space, 5, seed=1):
        assert space_sources.config(again, params) == space_sources.config(space, params)
