"""`mnist-bench compare` over studies made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from search.study.studies import StoredStudy
from support import handmade


def other(**data: Any) -> StoredStudy:
    """Return a study of which the best trial gets more images wrong; `data` are entries of its data set."""
    trials = [handmade.trial(0, range(7), params={"optim.lr": 0.01}, seed=7), handmade.trial(1, range(3, 40), seed=8)]
    study = handmade.study(trials, name="conv-1", spec={**handmade.spec(), "seed": 1})
    study.spec["context"]["data"].update(data)
    return study


@pytest.fixture(autouse=True)
def studies(cli: Any) -> None:
    cli.studies |= {"conv-1": other(), "conv-2": handmade.mixed(name="conv-2")}


def test_two_studies_side_by_side(cli: Any) -> None:
    shown = cli("compare", "conv-0", "conv-1")
    assert shown.exit_code == 0, shown.output
    text = "\n".join(" ".join(line.split()) for line in shown.stdout.splitlines())
    assert text.startswith("conv-0 compared with conv-1\n")
    assert "conv-0 #1 99.50% [98.83, 99.79] 5 1,000 6 (3 complete)" in text
    assert (
        "On the same 1,000 images, conv-0/1 alone is right on 2, and conv-1/0 alone on 0. No significant difference "
        "(McNemar, p = 0.5): conv-0/1 is ahead by 0.20 percentage points"
    ) in text
    assert "the best of a study is also the luckiest. `mnist-bench confirm` trains it with fresh seeds." in text
    assert "seed 0 1" in text
    assert "conv-1 6 and 2 0 0 2" in text
    assert "conv-0 and conv-1 part at the seed of trial 0: 100 in conv-0, 7 in conv-1." in text


def test_different_images_are_the_first_thing_that_is_told(cli: Any) -> None:
    cli.studies["conv-1"] = other(split_hash="f" * 64, subset=6000)
    lines = cli("compare", "conv-0", "conv-1").stdout.splitlines()
    assert lines[0] == (
        "Judged on different images: conv-0/1 on 1,000 of your own data (split 01234567) and conv-1/0 on 1,000 of "
        "your own data, subset 6,000 (split ffffffff). Part of a difference may come from the images."
    )
    assert any("was judged on 1,000 images, and conv-1/0 on 1,000 other ones" in line for line in lines)


def test_a_search_that_was_repeated_is_identical(cli: Any) -> None:
    text = cli("compare", "conv-0", "conv-2").stdout
    assert "conv-0 and conv-2 are identical, bit for bit: digest " in text
    assert "conv-0 and conv-2 share #0, #1, #2, #3, #4, #7." in text
    assert "conv-0 and conv-2 do not part" in text
    assert "Settings that differ" not in text


def test_a_repeated_search_with_another_result_is_told(cli: Any) -> None:
    study = cli.studies["conv-2"]
    cli.studies["conv-2"] = replace(study, trials=(replace(study.trials[0], state="FAIL"), *study.trials[1:]))
    assert "conv-0 and conv-2 are the same search, with different results" in cli("compare", "conv-0", "conv-2").stdout


def test_one_search_on_two_machines_is_told(cli: Any) -> None:
    study = cli.studies["conv-2"]
    numerics = {**study.spec["numerics"], "check": "f" * 64, "cpu": "another"}
    trials = (replace(study.trials[0], state="FAIL"), *study.trials[1:])
    cli.studies["conv-2"] = replace(study, spec={**study.spec, "numerics": numerics}, trials=trials)
    text = cli("compare", "conv-0", "conv-2").stdout
    assert "are the same search, on machines or with versions that differ, with different results" in text
    assert "conv-0 and conv-1 are the same search" not in cli("compare", "conv-0", "conv-1").stdout


def test_two_trials_have_their_curves_side_by_side(cli: Any) -> None:
    text = cli("compare", "conv-0/1", "conv-1/1").stdout
    assert "Value after each period; = if identical" in text
    assert "     1    99.50%    96.30%" in text
    assert "conv-1/1       different      different" in text
    assert "conv-0/1 and conv-1/1 part in a result, period 1, val loss: 0.05 in conv-0/1, 0.37 in conv-1/1." in text


def test_a_study_and_a_trial_part_in_their_runs(cli: Any) -> None:
    text = cli("compare", "conv-0", "conv-1/1").stdout
    assert "conv-0 and conv-1/1 part in a result, period 1, val loss: 0.05 in conv-0, 0.37 in conv-1/1." in text
    assert "Trials shared with conv-0: the same configuration and seed" in text
    assert "Value after each period" not in text


def test_json_has_all_parts(cli: Any) -> None:
    found = json.loads(cli("compare", "conv-0", "conv-1", "--json").stdout)
    assert [*found] == ["schema_version", "same_images", "sides", "settings", "pairs"]
    assert found["sides"][0]["errors"] == 5
    assert found["settings"] == [
        {"setting": "seed", "values": ["0", "1"], "follows": False},
        {"setting": "trials", "values": ["7", "2"], "follows": False},
    ]
    (pair,) = found["pairs"]
    assert (pair["test"]["method"], pair["test"]["significant"], pair["shared"]) == ("paired", False, [])
    assert pair["first_difference"]["part"] == "seed"


def test_values_of_another_trainer_are_shown_in_their_unit(cli: Any) -> None:
    made = handmade.value_study([handmade.value_trial(n, [0.1, 0.2, 0.3, 0.4 + n]) for n in range(2)])
    cli.studies |= {"ridge-0": made, "ridge-1": replace(made, name="ridge-1", trials=made.trials[:1])}
    text = cli("compare", "ridge-0", "ridge-1").stdout
    assert "ridge-0     #1    1.4  2 (2 complete)" in text
    assert "ridge-0/1 has one value and no images" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("conv-0",), "compare takes two studies, trials or records, not 1."),
        (("conv-0", "conv-9"), "No study conv-9"),
        (("conv-0", "conv-1", "--csv"), "No such option: --csv"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(cli: Any, words: tuple[str, ...], said: str) -> None:
    shown = cli("compare", *words)
    assert shown.exit_code in (2, 3)
    assert said in shown.stderr
    assert shown.stdout == ""
