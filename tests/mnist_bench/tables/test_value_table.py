"""Tables of values: which configuration is which, what a search sees, and how a choice is scored."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mnist_bench.errors import NotInTableError
from mnist_bench.tables.value_table import SHA256, ValuePlanner, ValueTrainer, load
from search.errors import UsageError
from support.tables import BEST, KINDS, RATES, value_table


def test_configurations_are_numbered_in_the_order_of_the_ranges() -> None:
    found = [value_table().point_of({"config.rate": rate, "config.kind": kind}) for rate, kind in product(RATES, KINDS)]
    assert found == list(range(12))


@pytest.mark.parametrize("params", [{"config.rate": 0.5, "config.kind": "fast"}, {"config.rate": 0.01}])
def test_what_is_no_option_is_refused(params: dict[str, object]) -> None:
    with pytest.raises(NotInTableError, match=r"^config\.\w+ \S+ is not an option of table made/handmade\.$"):
        value_table().point_of(params)


def test_values_have_to_be_those_of_all_configurations() -> None:
    with pytest.raises(ValueError, match=r"^made/handmade: values of shape \(11, 3, 2\) for \(4, 3\) options$"):
        value_table(values=np.ones((11, 3, 2)), seconds=np.ones((11, 3)))


def test_a_search_sees_the_mean_over_the_seeds_and_an_infinite_one_has_diverged() -> None:
    handmade = value_table()
    plan, trainer = ValuePlanner(handmade)(BEST), ValueTrainer(handmade)
    assert [trainer.advance(plan.config, 7, period, None)[1].value for period in (1, 2)] == pytest.approx([2.0, 1.0])
    assert len(plan.costs) == 2
    _, report = trainer.advance({"config.rate": 1.0, "config.kind": "odd"}, 0, 1, None)
    assert (report.value, report.end) == (None, "diverged")


def test_a_regret_is_linear_in_the_logarithm_of_a_loss_between_the_best_and_the_median() -> None:
    handmade = value_table()
    asked = [(0.01, "fast"), (0.01, "plain"), (1.0, "fast"), (1.0, "odd")]
    found = [handmade.regrets[handmade.point_of({"config.rate": rate, "config.kind": kind})] for rate, kind in asked]
    assert found == pytest.approx([0, np.log(2) / np.median(handmade.losses), 1, 1])
    assert ((handmade.regrets >= 0) & (handmade.regrets <= 1)).all()


def test_a_table_that_there_is_not_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(
        UsageError, match=r"^There is no table scikit-learn/mlp-whine; did you mean `scikit-learn/mlp-w"
    ):
        load("scikit-learn/mlp-whine")


@pytest.mark.parametrize("name", SHA256)
def test_each_shipped_table_is_whole(name: str) -> None:
    table = load(name)
    configurations, seeds, reports = table.values.shape
    assert (configurations >= 300, seeds >= 2, reports) == (True, True, 12)
    assert (table.values > 0).all()
    assert np.isfinite(np.median(table.losses))
