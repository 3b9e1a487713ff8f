from __future__ import annotations

from dataclasses import replace

from mnist_bench.experiments.notebook import PUBLISHED, Epoch, NotebookRow, table_of

COUNTS = "= as many parameters as the notebook's network has."
EPOCH = Epoch(seconds=1.0, train_loss=0.5, test_loss=0.5, test_accuracy=0.5, test_errors=5000, weights="a")


def row(name: str, *, runs: tuple[tuple[Epoch, ...], ...] = (), precision: str = "fp32") -> NotebookRow:
    return NotebookRow(
        recipe=name, precision=precision, published=PUBLISHED[name], parameters=340_700, trainable=338_820, epochs=1,
        runs=runs,
    )  # fmt: skip


def footnotes(*rows: NotebookRow) -> list[str]:
    return [*table_of(rows, 5).footnotes]


def test_the_precision_is_told_and_what_portable_promises() -> None:
    portable = (
        "Trained in portable precision: all figures but the seconds are the same on every x86-64 processor with AVX2."
    )
    assert footnotes(row("dropout", precision="portable"), row("linear", precision="portable"))[0] == portable
    assert footnotes(row("dropout"), row("linear"))[0] == "Trained in fp32 precision."
    mixed = footnotes(row("dropout", precision="portable"), row("linear", precision="bf16"))
    assert mixed[:2] == [portable, "Trained in bf16 precision."]


def test_a_row_has_the_first_digits_of_its_digest() -> None:
    shown = row("dropout", runs=((EPOCH,), (replace(EPOCH, weights="b"),)))
    table = table_of([shown, row("batchnorm")], 2)
    assert [texts[-1] for texts in table.texts()] == [shown.digest[:8], "–"]
    assert table.records()[0]["digest"] == shown.digest


def test_a_mark_is_told_with_how_often_chance_makes_one() -> None:
    (_, _, mark) = footnotes(row("batchnorm", runs=((EPOCH,),) * 5))
    # Student's distribution with 4 degrees of freedom has 4.0% beyond three deviations.
    assert mark.startswith("! more than 3 standard deviations from our mean")
    assert mark.endswith("times the root of 1 + 1/n); by chance so are 4.0% of the figures.")


def test_the_drop_that_the_notebook_meant_is_explained_where_its_row_is() -> None:
    assert footnotes(row("batchnorm"), row("batchnorm_2"))[1:] == [COUNTS]
    assert footnotes(row("batchnorm"), row("lr_drop"))[1:] == [
        COUNTS,
        "lr_drop: what the notebook meant to run, batchnorm and then an epoch at a tenth of the learning rate.",
    ]
