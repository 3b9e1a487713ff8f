"""What is learned of the ranges from reports: which of them matter, and the gradient by which that is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from search.elementary import NATIVE, PORTABLE
from search.proposals.curves import Reports, Scale
from search.proposals.gaussian_process import DRIFT, LEVEL, over_time
from search.proposals.relevance import (
    SPREAD_OF_VARIANCES,
    USUAL_VARIANCES,
    Learned,
    Parts,
    learn,
    of_settings,
    usual,
)

Array = NDArray[np.float64]
POINTS = np.random.default_rng(0).random((24, 4))
BETWEEN = np.array([(POINTS[:, None, each] - POINTS[None, :, each]) ** 2 for each in range(4)])
CURVE = np.repeat(np.arange(24), 2)
SHARE = np.tile([0.25, 1.0], 24)
SCALE = Scale(form="plain", usual=(0.0, 0.0), deviation=1.0)


def reports(losses: Array, scale: Scale = SCALE) -> Reports:
    """Return reports of 24 configurations, each after a quarter of its training and at its end."""
    return Reports(curve=CURVE, share=SHARE, loss=np.repeat(losses, 2), scale=scale)


def together(points: Array) -> Array:
    """Return losses that two of four ranges decide, by how they fit each other."""
    return np.asarray(4.0 * (points[:, 0] - points[:, 2]) ** 2 - 0.7)


def log_density(learned: Learned, seen: Reports) -> float:
    """Return the logarithm of the reports' probability, by NumPy's linear algebra."""
    rows = np.ix_(seen.curve, seen.curve)
    effects = of_settings(BETWEEN, learned)[rows] + learned.trial * np.equal(seen.curve[:, None], seen.curve[None])
    covariance = effects * over_time(seen.share, seen.share) + learned.noise * np.eye(len(seen.share))
    covariance += LEVEL + DRIFT * np.minimum(seen.share[:, None], seen.share[None])
    fit = seen.loss @ np.linalg.solve(covariance, seen.loss)
    return float(-0.5 * fit - 0.5 * np.linalg.slogdet(covariance)[1])


def test_ranges_that_act_together_are_found() -> None:
    relevances = learn(reports(together(POINTS)), BETWEEN, Parts()).relevances
    assert min(relevances[[0, 2]]) > 10 * max(relevances[[1, 3]])


def test_what_is_learned_explains_the_reports_better_than_what_is_usual() -> None:
    seen = reports(together(POINTS))
    before = log_density(usual(4, Parts()), seen)
    assert log_density(learn(seen, BETWEEN, Parts()), seen) > before + 5


def test_no_other_variance_is_much_more_probable() -> None:
    """The ascent ends near a summit of the density, the reports' times the prior's."""
    noisy = reports(together(POINTS) + 0.3 * np.random.default_rng(1).standard_normal(24))
    found = learn(noisy, BETWEEN, Parts())
    for place, name in enumerate(("joint", "mains", "trial")):

        def density(factor: float, place: int = place, name: str = name) -> float:
            moved = factor * getattr(found, name)
            off = np.log(moved / USUAL_VARIANCES[place]) / SPREAD_OF_VARIANCES[place]
            return log_density(replace(found, **{name: moved}), noisy) - 0.5 * float(off * off)

        assert density(0.2) < density(1.0) > density(5.0)


def test_of_parts_that_are_off_nothing_is_learned() -> None:
    seen = reports(together(POINTS))
    off = Parts(relevance=False, noise=False)
    unlearned, before = learn(seen, BETWEEN, off), usual(4, off)
    assert (unlearned.relevances == before.relevances).all()
    assert (unlearned.joint, unlearned.mains, unlearned.noise) == (before.joint, before.mains, before.noise)
    apart = learn(seen, BETWEEN, Parts(joint=False))
    assert apart.joint == 0.0
    assert apart.mains > 0.0


@pytest.mark.parametrize("ranges", [0, 4])
def test_both_arithmetics_learn_the_same(ranges: int) -> None:
    found = [
        learn(reports(together(POINTS), replace(SCALE, elementary=each)), BETWEEN[:ranges], Parts())
        for each in (NATIVE, PORTABLE)
    ]
    assert found[0].relevances.tolist() == found[1].relevances.tolist()
    assert found[0].noise == found[1].noise
