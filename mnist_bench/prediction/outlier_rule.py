"""The rule that finds pictures unlike the training images: calibrated on validation images, and stored with a model.

Its score adds three figures: the logarithm of 1 minus the best probability, the distance to the nearest of up to 1,000
training images at 14x14 pixels, and, for drawings, how rare the number of parts minus holes is among the validation
images with the same predicted class. Neither the network nor its training takes part.
"""

from __future__ import annotations

import base64
import math
import zlib
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le, Len
from numpy.typing import NDArray
from pydantic import TypeAdapter, with_config

from mnist_bench.picture_form import MAX_CLASSES, PictureForm
from mnist_bench.prediction.likeness import (
    distances,
    outlier_scores,
    parts_minus_holes,
    references_of,
    scores_of,
    thumbnails,
)
from mnist_bench.prediction.picture_kind import sample
from search import canonical_json
from search.stored_fields import STRICT

if TYPE_CHECKING:
    from mnist_bench.data.tensors import Dataset

BATCH = 1000
"""Pictures that are measured at once."""
FALSE_ALARMS = 0.01
"""Share of validation images that the rule may mark; with fewer than 99 of them there is no such rule."""
REFERENCES = 1000
"""Number of training images in a rule, equally many of each class."""
PLACES = 10
"""Number of values of parts minus holes that have a share of their own, -4 to 5."""
MAX_PIXELS = 14 * 14
Finite = Annotated[float, Ge(-1e9), Le(1e9)]


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class OutlierRule:
    """A rule in its stored form; `likeness.outlier_scores` applies it."""

    references: str
    """Thumbnails of training images in base64: deflated, two pixels of 16 levels per byte."""
    count: Annotated[int, Ge(1), Le(10 * REFERENCES)]
    """Number of these thumbnails."""
    pixels: Annotated[int, Ge(1), Le(MAX_PIXELS)]
    """Pixels per thumbnail."""
    doubt_scale: Annotated[float, Gt(0), Le(1e9)]
    """Spread of the logarithm of 1 minus the best probability: from the median to the 95th percentile."""
    distance_scale: Annotated[float, Gt(0), Le(1e9)]
    """Spread of the distances, alike."""
    surprise: Annotated[tuple[Annotated[tuple[Finite, ...], Len(PLACES, PLACES)], ...], Len(0, MAX_CLASSES)]
    """Minus the logarithm of the share of each number of parts minus holes, per class; empty if not drawings."""
    above: Finite
    """A picture with a higher score is an outlier."""
    images: Annotated[int, Ge(1)]
    """Number of validation images that the rule was calibrated on."""
    marked: Annotated[int, Ge(0)]
    """How many of them it marks."""

    def marks(self, pictures: NDArray[Any], probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return whether each prepared picture, (N, C, H, W), with these probabilities, (N, classes), is an outlier."""
        return outlier_scores(pictures, probabilities, asdict(self)) > self.above


def calibrated_rule(data: Dataset, probabilities: NDArray[np.float64], *, drawn: bool) -> OutlierRule | None:
    """Return the rule for a network; None if there are too few validation images.

    Args:
        data: the data that it was trained on, with the validation images outside of its training part.
        probabilities: of each validation image and class, (N, classes).
        drawn: whether the images are drawings, ink on paper.
    """
    images = len(probabilities)
    rank = math.ceil((1 - FALSE_ALARMS) * (images + 1))
    if rank > images:
        return None
    levels = _levels(data)
    starts = range(0, images, BATCH)
    batches = (data.pixels(data.validation[start : start + BATCH]).cpu().numpy() for start in starts)
    measured = [
        (distances(thumbnails(batch), levels.astype(np.float64)), parts_minus_holes(batch)) for batch in batches
    ]
    distance, parts = (np.concatenate(each) for each in zip(*measured, strict=True))
    rule = OutlierRule(
        references=_packed(levels), count=len(levels), pixels=levels.shape[1],
        doubt_scale=_spread(np.log(1 - probabilities.max(1) + 1e-4)), distance_scale=_spread(distance),
        surprise=_surprise(parts, probabilities) if drawn else (), above=0.0, images=images, marked=0,
    )  # fmt: skip
    scores = scores_of(distance, parts, probabilities, asdict(rule))
    # The rank of conformal prediction: of new images like these, no more than this share is marked on average.
    above = float(np.sort(scores)[rank - 1])
    return replace(rule, above=above, marked=int((scores > above).sum()))


def _levels(data: Dataset) -> NDArray[np.uint8]:
    """Return the thumbnails of some training images, (M, pixels), 0 to 15."""
    places = sample(data.labels[data.train].cpu().numpy(), REFERENCES)
    return np.rint(thumbnails(data.pixels(data.train[places]).cpu().numpy())).astype(np.uint8)


def check(rule: OutlierRule, form: PictureForm) -> OutlierRule:
    """Return a rule if it can be that of a network for pictures of this form.

    Raises:
        ValueError: it cannot.
    """
    if len(rule.surprise) not in (0, form.classes) or rule.pixels != min(form.height, 14) * min(form.width, 14):
        raise ValueError(f"a rule for outliers that is not of {form}")
    return rule


def to_text(rule: OutlierRule) -> str:
    """Return a rule in its stored form, JSON."""
    return canonical_json.dumps(asdict(rule))


def parse(text: str) -> OutlierRule:
    """Return the rule in an untrusted JSON text.

    Raises:
        ValueError: it is not a rule.
    """
    rule = _adapter().validate_json(text, strict=True)
    try:
        references_of(asdict(rule))
    except (ValueError, zlib.error) as error:
        raise ValueError("the references of its rule for outliers are damaged") from error
    return rule


def _packed(levels: NDArray[np.uint8]) -> str:
    flat = np.append(levels.reshape(-1), np.zeros(levels.size % 2, np.uint8))
    return base64.b64encode(zlib.compress((flat[::2] << 4 | flat[1::2]).tobytes(), 9)).decode()


def _spread(values: NDArray[np.float64]) -> float:
    """Return the distance from the median to the 95th percentile; at least 1, for values that hardly differ."""
    median, high = np.quantile(values, [0.5, 0.95])
    return max(1.0, round(float(high - median), 4))


def _surprise(parts: NDArray[np.int64], probabilities: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    counts = np.full((probabilities.shape[1], PLACES), 0.5)
    np.add.at(counts, (probabilities.argmax(1), np.clip(parts, -4, 5) + 4), 1)
    shares = counts / counts.sum(1, keepdims=True)
    return tuple(tuple(row) for row in (-np.log(shares)).round(3).tolist())


@cache
def _adapter() -> TypeAdapter[OutlierRule]:
    return TypeAdapter(OutlierRule)
