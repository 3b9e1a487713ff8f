"""Compare scores that tell digits from drawings that are none, for several networks.

    mnist-bench train notebook/batchnorm --on search_split --output batchnorm.safetensors
    mnist-bench train former/0.2/ladder/99.4 --on search_split --output ladder.safetensors
    mnist-bench search smoke --trials 6 --workers 1
    STUDIES=results/published/studies
    python benchmarks/no_digits.py $STUDIES/conv-0/weights/48.safetensors $STUDIES/portable/weights/40.safetensors \
        $STUDIES/small-0/weights/52.safetensors ladder.safetensors batchnorm.safetensors \
        results/smoke-0/weights/3.safetensors --publish results/published \
        --names conv-0/48,portable/40,small-0/52,former/0.2/ladder/99.4,notebook/batchnorm,smoke-0/3

Each score gets a threshold that marks 1% of one half of MNIST's validation images. The other half, digits that fonts
print, and the drawings of `no_digit_shapes` are then judged with it. The test set stays closed. `--developing` takes
the drawings that the rule was developed on. It takes about 20 seconds per network on 2 cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import no_digit_shapes
import numpy as np
import pages
import torch
from numpy.typing import NDArray

from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.prediction.likeness import distances, outlier_scores, thumbnails
from mnist_bench.prediction.model import Model, load_model
from mnist_bench.prediction.outlier_rule import calibrated_rule
from mnist_bench.prediction.preparation import prepare

RULE = "the rule"
SHARE = 0.01
"""Of digits that a threshold marks."""
REFERENCES = 2000
"""Training images whose last layer is compared."""
Scores = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreRow:
    """How well a score of a network tells digits from other drawings."""

    net: str
    score: str
    false_alarms: float
    """Share of digits of the other half that are marked."""
    printed: float
    """Share of printed digits that are marked."""
    found: Mapping[str, float]
    """Share of other drawings that are marked, by kind."""
    auroc: Mapping[str, float]
    """Probability that such a drawing has a higher score than a digit, by kind."""

    def mean(self, shares: Mapping[str, float]) -> float:
        """Return the mean over all kinds but the letters that look like digits."""
        return float(np.mean([share for kind, share in shares.items() if kind != "letters like digits"]))


def prepared(sheets: Iterable[NDArray[Any]]) -> NDArray[np.float32]:
    """Return drawings as a network sees them, (N, 1, 28, 28)."""
    return np.stack([prepare(sheet) for sheet in sheets])[:, None]


def last_layers(model: Model, pictures: NDArray[np.float32]) -> tuple[Scores, Scores]:
    """Return the inputs of the last layer, (N, features), and the logits, (N, 10)."""
    *first, last = model.nets[0].children()
    mean, std = model.input_spec.mean[0], model.input_spec.std[0]
    features, logits = [], []
    with torch.inference_mode():
        for start in range(0, len(pictures), 500):
            part = torch.from_numpy(pictures[start : start + 500])
            found = torch.nn.Sequential(*first)((part - mean) / std)
            features.append(found.flatten(1).double())
            logits.append(last(found).double())
    return torch.cat(features).numpy(), torch.cat(logits).numpy()


def scores(model: Model, data: Dataset, pictures: NDArray[np.float32]) -> dict[str, Scores]:
    """Return the scores of pictures; a higher one is less of a digit."""
    features, logits = last_layers(model, pictures)
    trained_on = data.pixels(data.train[:REFERENCES]).numpy()
    known, _ = last_layers(model, trained_on)
    probabilities = model.probabilities(pictures)
    halved = replace(data, validation=data.validation[::2])
    rule = calibrated_rule(halved, model.probabilities(data.pixels(halved.validation).numpy()), drawn=True)
    if rule is None:
        raise SystemExit("There are too few validation images.")
    highest = logits.max(1)
    return {
        "probability": -probabilities.max(1),
        "largest logit": -highest,
        "energy of the logits": -highest - np.log(np.exp(logits - highest[:, None]).sum(1)),
        "nearest of 2,000 in the last layer": distances(features, known),
        "nearest of 1,000 at 14x14 pixels": distances(thumbnails(pictures), thumbnails(trained_on[:1000])),
        RULE: outlier_scores(pictures, probabilities, asdict(rule)),
    }


def auroc(digits: Scores, others: Scores) -> float:
    """Return the probability that one of the others has a higher score than a digit; equal ones count half.

    >>> auroc(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.875
    """
    ordered = np.sort(digits)
    below, up_to = np.searchsorted(ordered, others, "left"), np.searchsorted(ordered, others, "right")
    return float((below + up_to).mean() / 2 / len(digits))


def rows_of(net: str, model: Model, data: Dataset, kinds: Mapping[str, NDArray[np.float32]]) -> list[ScoreRow]:
    """Return a row per score; of `kinds`, "printed" are digits."""
    digits = data.pixels(data.validation).numpy()
    ends = np.cumsum([len(digits), *(len(pictures) for pictures in kinds.values())])[:-1]
    found = scores(model, data, np.concatenate([digits, *kinds.values()]))
    rows = []
    for name, values in found.items():
        of_digits, *others = np.split(values, ends)
        bar, rest = np.quantile(of_digits[::2], 1 - SHARE, method="higher"), of_digits[1::2]
        by_kind = dict(zip(kinds, others, strict=True))
        printed = by_kind.pop("printed")
        row = ScoreRow(
            net=net, score=name, false_alarms=float((rest > bar).mean()), printed=float((printed > bar).mean()),
            found={kind: float((each > bar).mean()) for kind, each in by_kind.items()},
            auroc={kind: auroc(rest, each) for kind, each in by_kind.items()},
        )  # fmt: skip
        rows.append(row)
    return rows


def text(rows: Sequence[ScoreRow], counts: Mapping[str, int]) -> str:
    """Return the page that is published."""
    nets, names = [list(dict.fromkeys(each)) for each in ([row.net for row in rows], [row.score for row in rows])]
    rule = [row for row in rows if row.score == RULE]
    kinds = list(rule[0].found)
    lines = [
        "# Drawings that are no digits", "",
        f"`python benchmarks/no_digits.py` on {pages.machine('fp32')}.", "",
        "Each score has a threshold that marks 1% of 5,000 validation images. It is judged on the 5,000 others and on "
        f"drawings that the rule was not developed on: {', '.join(f'{counts[kind]} {kind}' for kind in kinds)}, and "
        f"{counts['printed']} printed digits. Letters like digits ({no_digit_shapes.ALIKE}) are left out of the means.",
        "", "## Scores", "",
        "Mean share of the kinds of drawings that is marked, then the mean AUROC (area under the receiver operating "
        "characteristic curve).", "",
        *pages.table(["score", *(f"{net}:" for net in nets)], [(name, *_cells(rows, name, nets)) for name in names]),
        "", "## The rule", "",
        "Share that is marked. Of digits, marks are false alarms; of drawings, the rest is missed.", "",
        *pages.table(
            ["drawings", *(f"{net}:" for net in nets)],
            [
                ("digits, handwritten", *(f"{row.false_alarms:.1%}" for row in rule)),
                ("digits, printed", *(f"{row.printed:.1%}" for row in rule)),
                *((kind, *(f"{row.found[kind]:.0%}" for row in rule)) for kind in kinds),
            ],
        ), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _cells(rows: Sequence[ScoreRow], name: str, nets: Sequence[str]) -> list[str]:
    of_score = {row.net: row for row in rows if row.score == name}
    return [f"{(row := of_score[net]).mean(row.found):.0%}, {row.mean(row.auroc):.3f}" for net in nets]


def main() -> None:
    """Judge, print and write."""
    parser = argparse.ArgumentParser(description="Which score tells digits from other drawings?")
    parser.add_argument("weights", type=Path, nargs="+", help="files of weights that a search or `train` wrote")
    parser.add_argument("--names", help="names of the networks, separated by commas")
    parser.add_argument("--developing", action="store_true", help="take the drawings that the rule was developed on")
    parser.add_argument("--publish", type=Path, metavar="DIR", help="write no_digits.md and no_digits.json there")
    asked = parser.parse_args()
    data = load_dataset(DataOptions(), torch.device("cpu"))
    drawn = no_digit_shapes.development() if asked.developing else no_digit_shapes.judging()
    fonts = no_digit_shapes.TO_DEVELOP if asked.developing else no_digit_shapes.TO_JUDGE
    kinds = {name: prepared(sheets) for name, sheets in drawn.items()}
    kinds["printed"] = prepared(no_digit_shapes.printed(fonts))
    names = asked.names.split(",") if asked.names else [path.stem for path in asked.weights]
    rows = []
    for name, path in zip(names, asked.weights, strict=True):
        rows += rows_of(name, load_model(path), data, kinds)
    page = text(rows, {kind: len(pictures) for kind, pictures in kinds.items()})
    print(page)
    if asked.publish is not None:
        pages.write(asked.publish, "no_digits", page, {"rows": [asdict(row) for row in rows]})


if __name__ == "__main__":
    main()
