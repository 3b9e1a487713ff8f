"""Which pruned trials are audited, and what the comparison with the complete ones comes to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.experiments.audit import (
    Audit,
    Audited,
    AuditOptions,
    audit_of,
    audit_study,
    drawn_trials,
    load,
    save,
    sentence,
)
from mnist_bench.experiments.grid import Observer
from search.errors import StorageError, UsageError
from search.study.studies import StoredStudy
from support import handmade


def pruned(number: int, seed: int = 0) -> StoredStudy:
    made = handmade.study(
        [handmade.trial(0), *(handmade.trial(n, range(9), periods=1, state="PRUNED") for n in range(1, number + 1))]
    )
    return replace(made, spec={**made.spec, "seed": seed})


def audit(*trials: tuple[float | None, int], best: float | None = 0.995, complete: int = 4) -> Audit:
    audited = tuple(
        Audited(number=n, accuracy=accuracy, better=better, seconds=20.0) for n, (accuracy, better) in enumerate(trials)
    )
    return Audit(digest="", pruned=46, complete=complete, best=best, trials=audited)


@pytest.mark.parametrize(
    ("share", "count", "number"), [(0.05, 46, 3), (0.05, 20, 1), (0.05, 1, 1), (0.07, 100, 7), (1, 9, 9), (0.5, 0, 0)]
)
def test_the_share_is_rounded_up(share: float, count: int, number: int) -> None:
    drawn = [trial.number for trial in drawn_trials(pruned(count), share)]
    assert len(drawn) == number
    assert drawn == sorted(set(drawn))


@pytest.mark.parametrize("share", [0, 1.5, "5%", True, None])
def test_what_is_no_share_is_refused(share: Any) -> None:
    with pytest.raises(UsageError, match=r"^share=.*: not a share of the pruned trials; give 0\.05, up to 1\.$"):
        AuditOptions(share=share)


def test_a_larger_share_holds_the_smaller_one_and_another_seed_draws_others() -> None:
    draws = [
        {trial.number for trial in drawn_trials(pruned(46, seed), share)} for seed in (0, 1) for share in (0.1, 0.4)
    ]
    assert draws[0] < draws[1]
    assert draws[2] < draws[3]
    assert draws[0] != draws[2]


def test_figures_have_no_say_in_the_draw() -> None:
    study = pruned(46)
    worse = replace(study, trials=tuple(replace(trial, reports=()) for trial in study.trials))
    numbers = [trial.number for trial in drawn_trials(study, 0.2)]
    assert numbers == [trial.number for trial in drawn_trials(worse, 0.2)]


def test_only_what_was_pruned_can_be_audited() -> None:
    assert [trial.number for trial in drawn_trials(handmade.mixed(), 1)] == [3, 4]


def test_nothing_pruned_is_nothing_to_audit(tmp_path: Path) -> None:
    found = audit_study(handmade.kept_in(tmp_path, pruned(0)), AuditOptions(share=0.5), Observer())
    assert found is not None
    assert sentence(found) == "No trial was pruned, so there is nothing to audit."
    assert found.share is None
    assert not list(tmp_path.iterdir())


def test_how_often_pruning_was_wrong() -> None:
    found = audit((0.996, 0), (0.993, 2), (0.98, 4), (None, 4))
    assert (found.wrong, found.placed, found.seconds) == (1, 2, 80)
    assert found.share == pytest.approx((0.0456, 0.6994), abs=1e-4)  # Wilson's interval of 1 in 4
    assert found.highest == found.trials[0]


def test_in_words() -> None:
    assert sentence(audit((0.9912, 4), (0.98, 4), (0.9, 4), best=0.9939)) == (
        "Audited 3 of 46 pruned trials: none would have been the best (of all pruned: 0% to 56%, 95% interval); "
        "none would have ranked above one of the 4 complete trials. The best of them, #0, would have reached 99.12%, "
        "0.27 percentage points below the search's best. It took 60 s of worker time."
    )
    wrong = sentence(audit((0.996, 0)))
    assert "1 would have been the best (of all pruned: 21% to 100%" in wrong
    assert "99.60%, 0.10 percentage points above the search's best." in wrong


def test_where_all_were_audited_nothing_is_estimated() -> None:
    found = replace(audit((0.996, 0), (0.98, 4)), pruned=2)
    assert found.share == (0.5, 0.5)
    assert sentence(found).startswith("Audited 2 of 2 pruned trials: 1 would have been the best; 1 would have ranked ")


def test_in_words_where_the_loss_decides() -> None:
    as_good = "99.50%, as much as the search's best, with a {} loss."
    assert as_good.format("lower") in sentence(audit((0.995, 0)))
    assert as_good.format("higher") in sentence(audit((0.995, 1)))
    assert f"#1, would have reached {as_good.format('lower')}" in sentence(audit((0.995, 1), (0.995, 0)))


def test_in_words_where_all_diverged_or_none_is_complete() -> None:
    assert "The best of them" not in sentence(audit((None, 4)))
    assert sentence(audit((0.9, 0), best=None, complete=0)) == (
        "Audited 1 of 46 pruned trials: 1 would have been the best (of all pruned: 21% to 100%, 95% interval). "
        "It took 20 s of worker time."
    )


def test_with_two_objectives_the_front_says_which_pruning_was_wrong(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    study = handmade.two_objectives()
    ended = {True: handmade.trial(3, range(70), facts={"parameters": 1000, "macs": 1}), False: study.trials[0]}
    for on_front, like in ended.items():
        made = audit_of(study, [replace(like, number=3)])
        assert (made.cost, made.wrong, made.trials[0].on_front) == ("macs", int(on_front), on_front)
        save(made, tmp_path)
        assert load(tmp_path) == made
        assert sentence(made).startswith(
            f"Audited 1 of 1 pruned trials: {1 if on_front else 'none'} would have been on the front of accuracy and "
            "MACs. "
        )


def test_what_is_kept_is_read_as_it_was(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    (tmp_path / "audit").mkdir()
    save(audit((0.9, 2), (None, 4)), tmp_path)
    assert load(tmp_path) == audit((0.9, 2), (None, 4))
    (tmp_path / "audit" / "audit.json").write_text('{"digest": 3}')
    with pytest.raises(StorageError, match=r"audit\.json: is not a complete audit; move it away"):
        load(tmp_path)
