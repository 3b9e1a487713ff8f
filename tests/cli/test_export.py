"""Exports of a study's network: kept, trained again, confirmed; in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support import canned
from support.commands import Ran

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 1
subset: 1000
model: {blocks: 0, hidden_layers: 1, hidden_units: {int: [8, 16]}}
optim: {lr: {float: [1e-3, 1e-1], log: true}}
search: {pruner: none}
"""
SCRIPT = """
from dataclasses import replace
from pathlib import Path
from mnist_bench.studies import claims, kept_files, record
run("search tiny.yaml -n 2 --executor in-process")
run("export tiny-0/0 --to kept")
run("predict tiny-0/0 digit.png --json")
run("predict kept digit.png --json")
run("predict results/tiny-0/weights/0.safetensors digit.png")
run("export tiny-0 --confirmed --to early")
run("confirm tiny-0 --top 1 --workers 1")
run("export tiny-0 --confirmed --to confirmed")
run("leaderboard --json")
Path("results/tiny-0/weights/0.safetensors").unlink()
run("predict tiny-0/0 digit.png")
run("export tiny-0/0 --to again")
run("reproduce confirmed/RECORD.json")
run("export tiny-0/0 --to mine")
run("export tiny-0/7 --to other")
run("export other-0 --to other")
run("export tiny-0")
net = next(Path("results/tiny-0/confirm").glob("*-seed-0.safetensors"))
path = net.parent / "records" / (net.name.partition("-")[0] + "-all-0.json")
made = record.read(path)
kept_files.write(record.to_json(replace(made, data=replace(made.data, data_hash="0" * 64))), path)
run("export tiny-0 --confirmed --to elsewhere")
net.unlink()
run("export tiny-0 --confirmed --to gone")

check = claims.check

def otherwise(*given, **keep):
    difference = claims.Difference(name="period 1, train loss", then="1.0", now="2.0")
    return replace(check(*given), first_difference=difference)

claims.check = otherwise
run("export tiny-0/0 --to otherwise")
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image, ImageDraw

    home = tmp_path_factory.mktemp("winner")
    (home / "tiny.yaml").write_text(SPACE)
    (home / "mine").mkdir()
    (home / "mine" / "README.md").write_text("mine")
    seven = Image.new("RGB", (200, 300), "white")
    ImageDraw.Draw(seven).line([(50, 60), (150, 60), (90, 250)], fill="black", width=18)
    seven.save(home / "digit.png")
    return home


@pytest.fixture(scope="module")
def ran(home: Path, in_one_process: Callable[[Path, str], dict[str, Ran]]) -> dict[str, Ran]:
    return in_one_process(home, SCRIPT)


def test_the_files_of_a_trial_whose_weights_were_kept(ran: dict[str, Ran], home: Path) -> None:
    done = ran["export tiny-0/0 --to kept"]
    assert done.code == 0, done.err
    assert re.fullmatch(r"tiny-0/0, in float32 \d+\.\d\d% of 166 validation images\.\n", done.err)
    assert sorted(done.out.splitlines()) == sorted(
        map(str, (path.relative_to(home) for path in (home / "kept").iterdir()))
    )
    assert len(done.out.splitlines()) == 6


def test_weights_that_were_not_kept_are_trained_again_to_the_same_files(ran: dict[str, Ran], home: Path) -> None:
    done = ran["export tiny-0/0 --to again"]
    assert done.code == 0, done.err
    assert re.match(r"The weights of tiny-0/0 were not kept; it is trained again, which took \d", done.err)
    for path in (home / "again").iterdir():
        if path.name != "README.md":  # by then the study was confirmed
            assert path.read_bytes() == (home / "kept" / path.name).read_bytes()


def test_what_comes_out_otherwise_is_not_exported(ran: dict[str, Ran], home: Path) -> None:
    done = ran["export tiny-0/0 --to otherwise"]
    assert done.code == 4
    assert done.err.splitlines()[-1] == (
        "Error: Trained again, tiny-0/0 gave another result (period 1, train loss: 1.0 then, 2.0 now); "
        "`mnist-bench reproduce tiny-0/0` reports what differs here."
    )
    assert not (home / "otherwise").exists()


def test_a_net_that_confirm_trained_on_all_images(ran: dict[str, Ran], home: Path) -> None:
    done = ran["export tiny-0 --confirmed --to confirmed"]
    said = ran["confirm tiny-0 --top 1 --workers 1"].err
    assert "To export the selected network:\n  mnist-bench export tiny-0 --confirmed --to winner  " in said
    assert done.code == 0, done.err
    card = (home / "confirmed" / "README.md").read_text()
    assert re.search(r"\| test images, by `confirm` \| \d+\.\d\d%, \d+ of 10,000 wrong \|", card)
    assert "on the test images | " in card
    assert "mean of 8 seeds" in card
    assert "The test set has been evaluated once." in card
    assert "validation images, measured again" not in card
    assert "validation images, measured again in float32" in (home / "kept" / "README.md").read_text()
    assert ran["leaderboard --json"].values["studies"][0]["test_evaluations"] == 1, "exporting did not open it"
    reproduced = ran["reproduce confirmed/RECORD.json"]
    assert (reproduced.code, reproduced.out.splitlines()[-1]) == (0, "Identical, bit for bit.")


def test_a_study_its_export_and_its_weights_say_the_same_of_a_picture(ran: dict[str, Ran]) -> None:
    there, here = ran["predict tiny-0/0 digit.png --json"], ran["predict kept digit.png --json"]
    assert there.code == 0, there.err
    assert there.out == here.out
    (said,) = here.values["pictures"]
    assert said["picture"] == "digit.png"
    alone = ran["predict results/tiny-0/weights/0.safetensors digit.png"]
    assert alone.code == 0
    assert "does not record its training data" in alone.err


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("export tiny-0/0 --to mine", 2, "mine: contains files that are not an export; name a new folder."),
        ("export tiny-0/7 --to other", 3, "Study tiny-0 has no trial 7; its trials are 0 to 1."),
        ("export other-0 --to other", 3, "other-0"),
        ("export tiny-0", 2, "--to"),
        ("export tiny-0 --confirmed --to early", 3, "has no network that was trained on all images; `mnist-bench con"),
        ("export tiny-0 --confirmed --to gone", 3, "is missing; `mnist-bench confirm tiny-0 --top 1` trains it again"),
        ("export tiny-0 --confirmed --to elsewhere", 2, "-seed-0.safetensors: was trained on other data than study"),
        ("predict tiny-0/0 digit.png", 3, "`mnist-bench reproduce tiny-0/0 --weights` trains it again."),
    ],
)
def test_what_cannot_be_exported_is_said_in_a_sentence(ran: dict[str, Ran], line: str, code: int, message: str) -> None:
    assert (ran[line].code, ran[line].out) == (code, "")
    assert message in ran[line].err


IN_ITS_OWN_LOCALE = """
import sys
from mnist_bench.cli.app import main
from support import drawn

drawn.no_pictures()
for line in ("report finished", "export finished --to exported"):
    sys.argv = ["mnist-bench", *line.split()]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, line
"""


@pytest.mark.cold  # processes that were forked have the encoding of their parent
def test_files_of_the_package_are_read_as_utf_8_wherever_it_runs(tmp_path: Path) -> None:
    shutil.copytree(canned.studies() / "finished", tmp_path / "results" / "finished")
    elsewhere = {name: value for name, value in os.environ.items() if name not in ("LANG", "PYTHONIOENCODING")}
    elsewhere |= {"LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", IN_ITS_OWN_LOCALE], cwd=tmp_path, env=elsewhere,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    page = (tmp_path / "results" / "finished" / "report.html").read_text(encoding="utf-8")
    assert "·" in page
    assert 'class="drawing"' in page
    assert (tmp_path / "exported" / "draw.html").exists()
