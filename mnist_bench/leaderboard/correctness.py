"""Which validation images a trial classified correctly, as stored with its last period."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench.statistics.inference import wilson
from search.errors import StorageError
from search.event_log.records import TrialRecord


def correct_bits(text: str) -> NDArray[np.bool_]:
    """Return the bits of base64-encoded `numpy.packbits`: shape (images,), padded with False to a multiple of 8.

    Raises:
        StorageError: the text is not base64.
    """
    try:
        packed = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    except (binascii.Error, ValueError) as error:
        raise StorageError(f"The stored correctness of the validation images is damaged ({error}).") from error
    return np.unpackbits(packed).astype(np.bool_)


def correctness(trial: TrialRecord) -> NDArray[np.bool_] | None:
    """Return the `correct_bits` of the trial's last period; None if they were not stored.

    Raises:
        StorageError: the stored bits are damaged.
    """
    text = trial.reports[-1].details.get("correct") if trial.reports else None
    return correct_bits(text) if isinstance(text, str) else None


def validation_images(context: Mapping[str, Any]) -> int:
    """Return the number of validation images of a study with this context."""
    return int(context["images"]["validation"])


def accuracy_interval(trial: TrialRecord, images: int) -> tuple[float, float] | None:
    """Return Wilson's 95% interval of the trial's accuracy on `images` images; None if the trial has no accuracy."""
    errors = trial.reports[-1].metrics.get("errors") if trial.reports else None
    if trial.value is None or errors is None or errors > images:
        return None
    return wilson(images - int(errors), images)
