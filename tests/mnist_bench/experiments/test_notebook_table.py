from __future__ import annotations

from mnist_bench.experiments.notebook import PUBLISHED, Epoch, NotebookRow, table_of


def footnotes(*recipes: str, runs: tuple[tuple[Epoch, ...], ...] = ()) -> list[str]:
    rows = [
        NotebookRow(recipe=name, published=PUBLISHED[name], parameters=340_700, trainable=338_820, epochs=1, runs=runs)
        for name in recipes
    ]
    return [*table_of(rows, 5).footnotes]


def test_a_mark_is_told_with_how_often_chance_makes_one() -> None:
    epoch = Epoch(seconds=1.0, train_loss=0.5, test_loss=0.5, test_accuracy=0.5, test_errors=5000, weights="a")
    (_, mark) = footnotes("batchnorm", runs=((epoch,),) * 5)
    # Student's distribution with 4 degrees of freedom has 4.0 % beyond three deviations.
    assert mark.startswith("! more than 3 standard deviations from our mean")
    assert mark.endswith("times the root of 1 + 1/n); by chance so are 4.0 % of the figures.")


def test_the_drop_that_the_notebook_meant_is_explained_where_its_row_is() -> None:
    counts = "= as many parameters as the notebook's net has."
    assert footnotes("batchnorm", "batchnorm_2") == [counts]
    assert footnotes("batchnorm", "lr_drop") == [
        counts,
        "lr_drop: what the notebook meant to run, batchnorm and then an epoch at a tenth of the learning rate.",
    ]
