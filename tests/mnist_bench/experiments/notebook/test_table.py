from __future__ import annotations

from mnist_bench.experiments.notebook.result import PUBLISHED, Row
from mnist_bench.experiments.notebook.table import table_of


def footnotes(*recipes: str) -> list[str]:
    rows = [
        Row(recipe=name, published=PUBLISHED[name], parameters=340_700, trainable=338_820, epochs=1, runs=())
        for name in recipes
    ]
    return [*table_of(rows, 5).footnotes]


def test_the_drop_that_the_notebook_meant_is_explained_where_its_row_is() -> None:
    counts = "= as many parameters as the notebook's net has."
    assert footnotes("batchnorm", "batchnorm_2") == [counts]
    assert footnotes("batchnorm", "lr_drop") == [
        counts,
        "lr_drop: what the notebook meant to run, batchnorm and then an epoch at a tenth of the learning rate.",
    ]
