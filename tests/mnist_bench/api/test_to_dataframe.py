from __future__ import annotations

import sys

import pytest

import mnist_bench
from search.errors import UsageError
from support import handmade


def test_trials_are_rows_with_true_parameters() -> None:
    pytest.importorskip("pandas")
    frame = mnist_bench.to_dataframe(handmade.mixed())
    assert frame["number"].tolist()[:3] == [1, 0, 2]
    assert frame["optim.lr"].tolist()[:3] == [0.0093, 0.01, 0.5]
    assert frame["model.blocks"].isna().tolist()[:2] == [False, True]
    assert frame["accuracy"].max() == 0.995
    assert frame.loc[frame["state"] == "COMPLETE", "errors"].tolist() == [5, 6, 60]
    whole = mnist_bench.to_dataframe(handmade.mixed(), infeasible=True)
    assert list(whole.columns) == list(frame.columns)
    assert whole["excess.macs"].tolist()[-1] == 5.0


def test_curves_are_rows_a_period() -> None:
    pytest.importorskip("pandas")
    frame = mnist_bench.to_dataframe(handmade.mixed(), learning_curves=True)
    assert frame.groupby("number")["period"].max().to_dict() == {0: 6, 1: 6, 2: 6, 3: 1, 4: 3, 7: 2}


def test_without_pandas_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r"lacks; `pip install '\.\[pandas\]'` in a clone of mnist-bench adds it\.$"):
        mnist_bench.to_dataframe(handmade.mixed())
