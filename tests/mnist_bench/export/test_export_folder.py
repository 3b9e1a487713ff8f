"""The files of an export: which, when they are refused, and the same from the same net."""

from __future__ import annotations

import ast
import os
import re
import signal
import sys
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from safetensors.numpy import save_file

from mnist_bench.config.settings import ModelConfig, OptimConfig, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.errors import WeightsError
from mnist_bench.export import card, drawing_page, export_folder
from mnist_bench.export.winner import Winner
from mnist_bench.nets.own_net import load_net
from mnist_bench.nets.planner import plan_layers
from mnist_bench.picture_form import PictureForm
from mnist_bench.prediction.model import load_model
from mnist_bench.studies import record
from search.errors import UsageError
from search.hashed import State
from support import handmade, own_nets, winners
from support.winners import plain_net

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def winner() -> Winner:
    return winners.drawn(winners.NETS["before"])


def test_the_same_net_gives_the_same_files(winner: Winner, tmp_path: Path) -> None:
    first, second = (export_folder.write(winner, tmp_path / name) for name in ("a", "b"))
    assert [path.name for path in first.files] == [
        "model.safetensors", "net.py", "model.onnx", "draw.html", "README.md", "RECORD.json",
    ]  # fmt: skip
    assert first.remarks == ()
    for one, other in zip(first.files, second.files, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert record.read(tmp_path / "a" / export_folder.RECORD) == winner.record


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("PRUNED", "The search stopped this trial early, after 2 periods."),
        ("RUNNING", "The search was paused while this trial ran, after 2 periods."),
        ("FAIL", "This trial failed after 2 periods."),
    ],
)
def test_the_card_says_how_a_trial_that_is_not_complete_ended_and_names_the_data_set(
    winner: Winner, state: State, said: str
) -> None:
    red = replace(winner.record, data=replace(winner.record.data, dataset="mnist-red"))
    ended = replace(winner, trial=replace(winner.trial, state=state), record=red)
    texts = [card.card(each, onnx=True, page=False) for each in (winner, ended)]
    assert [said in text for text in texts] == ["\ndataset: mnist-red\n" in text for text in texts] == [False, True]


def test_a_folder_with_other_files_is_refused(winner: Winner, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for write in (
        lambda: (mine / "README.md").write_text("mine"),
        lambda: (mine / "model.safetensors").write_bytes(b"not of ours"),
        lambda: save_file({"weight": np.zeros(3)}, mine / "model.safetensors", {"format": "pt"}),
    ):
        write()
        with pytest.raises(UsageError, match="mine: contains files that are not an export; name a new folder"):
            export_folder.check(mine)
    export_folder.check(tmp_path / "new")
    export_folder.write(winner, tmp_path / "new")
    export_folder.check(tmp_path / "new")


@pytest.fixture(scope="module")
def other() -> Winner:
    return winners.drawn(names=tuple("abcdefghij"))


def killed_before(write: int, winner: Winner, place: Path) -> bool:
    """Export in a process that SIGKILL ends before a file, counted from 0, gets its name; return whether it did."""
    if child := os.fork():
        return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    written, put_in_place = 0, os.replace

    def replace(temporary: Path, path: Path) -> None:
        nonlocal written
        if written == write:
            os.kill(os.getpid(), signal.SIGKILL)
        written += 1
        put_in_place(temporary, path)

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("search.files.os.replace", replace)
            export_folder.write(winner, place)
    finally:
        os._exit(0)  # the tests go on in the other process


@pytest.mark.parametrize("write", range(1, 7))
def test_an_export_that_was_killed_leaves_no_net_that_could_be_believed(
    winner: Winner, other: Winner, tmp_path: Path, write: int
) -> None:
    export_folder.write(winner, tmp_path)
    assert killed_before(write, other, tmp_path)
    with pytest.raises(WeightsError) as refused:
        load_model(tmp_path)
    assert str(refused.value) == (f"{tmp_path}: its export was interrupted; run the same `mnist-bench export` again.")
    export_folder.check(tmp_path)
    written = export_folder.write(other, tmp_path)
    assert sorted(written.files) == sorted(tmp_path.iterdir())
    assert load_model(tmp_path).input_spec == other.input_spec


@pytest.mark.parametrize("write", [0, 2])
def test_an_export_that_was_killed_in_a_new_folder_is_no_folder_of_other_files(
    winner: Winner, tmp_path: Path, write: int
) -> None:
    assert killed_before(write, winner, tmp_path)
    export_folder.check(tmp_path)


def test_the_plain_net_says_that_its_export_was_not_finished(winner: Winner, tmp_path: Path) -> None:
    export_folder.write(winner, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    words = "^model.safetensors is missing: the export was interrupted; run the same `mnist-bench export` again$"
    with pytest.raises(SystemExit, match=words):
        plain_net(tmp_path).main(["digit.png"])


def test_without_onnx_its_file_is_left_out(winner: Winner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_folder.write(winner, tmp_path)
    assert 'onnxruntime.InferenceSession("model.onnx")' in (tmp_path / export_folder.CARD).read_text()
    monkeypatch.setitem(sys.modules, "onnx", None)
    written = export_folder.write(winner, tmp_path)
    (remark,) = written.remarks
    assert "model.onnx is left out" in remark
    assert "pip install '.[images]'" in remark
    assert not (tmp_path / "model.onnx").exists()
    assert "onnx" not in (tmp_path / export_folder.CARD).read_text().lower()


def test_a_page_of_400_000_parameters_has_less_than_a_megabyte(tmp_path: Path) -> None:
    large, larger = (winners.drawn(ModelConfig(blocks=2, filters=32, hidden_units=units)) for units in (120, 300))
    assert 390_000 < plan_layers(large.config.model).parameters <= 400_000
    assert len(drawing_page.page(large).encode()) < export_folder.MAX_PAGE
    (remark,) = export_folder.write(larger, tmp_path).remarks
    assert re.search(r"draw\.html takes 2.* MB, for the network has 9\d\d,\d\d\d parameters", remark)


def test_a_net_with_a_layer_of_ones_own_is_refused(winner: Winner, tmp_path: Path) -> None:
    modules = [torch.nn.LeakyReLU(0.1) if isinstance(one, torch.nn.ReLU) else one for one in winner.net.children()]
    leaky = replace(winner, net=torch.nn.Sequential(*modules))
    with pytest.raises(UsageError, match="conv-0/0: its network has LeakyReLU instead of ReLU"):
        export_folder.write(leaky, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_page_brings_all_and_lets_nothing_else_in(winner: Winner) -> None:
    text = drawing_page.page(winner)
    assert not re.search(r"https?:|@import|url\(|\ssrc=|\shref=(?!.data:,)|\sstyle=|\son\w+=", text)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


@pytest.fixture(scope="module")
def own() -> Winner:
    """Return a net for a stranger's pictures in colour, whose classes have odd names."""
    form = PictureForm(channels=3, height=12, width=12, classes=3)
    names = ("<b>'\"| `$x", "class 00", "class 01")
    made = winners.drawn(ModelConfig(blocks=1, filters=4), form, drawn=False, digits=False, names=names)
    data = replace(made.record.data, data_hash=handmade.HASH)
    return replace(made, record=replace(made.record, data=data))


def test_of_pictures_in_colour_there_is_no_page_and_odd_names_are_whole_in_every_file(
    winner: Winner, own: Winner, tmp_path: Path
) -> None:
    export_folder.write(winner, tmp_path)
    assert (tmp_path / export_folder.PAGE).exists()
    (remark,) = export_folder.write(own, tmp_path).remarks
    assert remark.endswith(": conv-0/0 reads images in color, which cannot be drawn on the page.")
    assert not (tmp_path / export_folder.PAGE).exists()
    with pytest.raises(UsageError, match="in color"):
        drawing_page.drawing(own)
    names = own.input_spec.names
    assert load_model(tmp_path).input_spec.names == names
    module = ast.parse((tmp_path / export_folder.NET).read_text())
    assigned = {ast.unparse(node.targets[0]): node.value for node in module.body if isinstance(node, ast.Assign)}
    assert ast.literal_eval(assigned["NAMES"]) == names
    text = (tmp_path / export_folder.CARD).read_text()
    for words in (
        "parameters for images of 12x12 pixels in color, 3 classes",
        "scaled to fit whole into 12x12 pixels (height by width), red, green and blue",
        "float32 (N, 3, 12, 12), 0 to 255, made as in `net.py`",
        "mnist-bench reproduce RECORD.json --data DATA ",
        "`mnist-bench train` takes these lines as a file with --data DATA.",
        "[0].name",
        r"""| 0 | \<b\>'"\| \`\$x |""",
        "| 2 | class 01 |",
    ):
        assert words in text
    assert "draw.html" not in text
    _, head, _ = text.split("---\n", 2)
    read = YAML(typ="safe").load(head)
    assert (read["tags"], read.get("datasets")) == (["mnist-bench"], None)


def of_own_code(folder: Path, text: str, file: str, data: Dataset) -> Winner:
    """Return a net of your own, from a file in this folder."""
    code = load_net(own_nets.write(folder, text, file)).code
    optim = OptimConfig(batch_size=500)
    return winners.winner(TrainConfig(epochs=1, optim=optim, net={"width": 3}, net_code=code), data)


@pytest.mark.parametrize("changed", [False, True])
def test_an_export_removes_the_code_that_an_earlier_one_wrote_unless_it_was_changed(
    winner: Winner, digits: Dataset, tmp_path: Path, changed: bool
) -> None:
    place = tmp_path / "winner"
    export_folder.write(of_own_code(tmp_path, own_nets.GOOD, "earlier_net.py", digits), place)
    assert (place / "earlier_net.py").is_file()
    if changed:
        (place / "earlier_net.py").write_text("mine = 1")
    written = export_folder.write(winner, place)
    kept = [place / "earlier_net.py"] if changed else []
    assert sorted(place.iterdir()) == sorted([*written.files, *kept])


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("nets_on_a_card.py", own_nets.GOOD),
        ("nets_on_a_card.py", own_nets.UNTYPED),
        ("my-net.py", own_nets.UNTYPED),
        ("class.py", own_nets.GOOD),
        ("a.net.py", own_nets.GOOD),
    ],
)
def test_what_the_card_says_of_a_net_of_ones_own_runs(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str
) -> None:
    winner = of_own_code(tmp_path, text, file, digits)
    export_folder.write(winner, tmp_path / "winner")
    monkeypatch.chdir(tmp_path / "winner")
    monkeypatch.syspath_prepend(str(tmp_path / "winner"))
    monkeypatch.delitem(sys.modules, file.removesuffix(".py"), raising=False)
    lines = (tmp_path / "winner" / export_folder.CARD).read_text().partition("## Use\n")[2].splitlines()
    told = "\n".join(line.removeprefix("    ") for line in takewhile(lambda line: "From the" not in line, lines[3:]))
    pictures = digits.pixels(digits.validation)
    said: dict[str, Any] = {"pictures": pictures}
    exec(told, said)  # noqa: S102 - ours
    with torch.inference_mode():
        expected = winner.net(digits.normalise(pictures.clone()))
    assert torch.allclose(said["logits"], expected, atol=1e-4)
