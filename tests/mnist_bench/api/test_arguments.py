"""Former names of parameters are accepted, too, and mean the same as today's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import mnist_bench
from search.errors import UsageError

FORMER: Mapping[str, tuple[Callable[..., Any], str]] = {
    "slots": (mnist_bench.search, "concurrent_trials"),
    "lanes": (mnist_bench.search, "trials_per_worker"),
    "from_studies": (mnist_bench.compare_methods, "warm_start_from"),
    "start": (mnist_bench.search, "warm_start"),
    "opening": (mnist_bench.confirm_study, "test_set"),
    "pictures": (mnist_bench.predict, "images"),
    "curves": (mnist_bench.to_dataframe, "learning_curves"),
}


def test_a_former_name_sets_the_parameter_of_today() -> None:
    compare: Callable[..., Any] = mnist_bench.compare_methods
    with pytest.raises(UsageError, match=r"^concurrent_trials=0: give a whole number"):
        compare(slots=0)


@pytest.mark.parametrize("former", FORMER)
def test_a_parameter_is_given_under_one_name(former: str) -> None:
    function, name = FORMER[former]
    with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) got {name} also under its former name {former}$"):
        function(**{name: 1, former: 1})
