"""Choose the next configuration by a model that learns which ranges matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search.elementary import Elementary
from search.proposals.choice import Why
from search.proposals.coordinates import Candidate, Params
from search.proposals.curves import Curve, Reports, reports_of
from search.proposals.exact import cholesky, product, solve_lower
from search.proposals.prospects import Prospects
from search.proposals.relevance import DRIFT, LEVEL, Learned, learn, of_settings, over_time, usual

Array = NDArray[np.float64]
BOLDNESS = 1.0
FINALISTS = 64
MAX_ROWS = 600
MAX_LEARN = 160
ROUNDED = 6
REFINED = 5
NEIGHBOURS = 16
ROUNDS = 2
COST_POWER = 1.0
LADDER = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    product: bool = True
    relevances: bool = True
    telling: bool = True
    cost: bool = True
    refine: bool = True


def read_of(curve: Curve) -> list[int]:
    last = len(curve.values) - 1
    found, step = [], 1
    while step - 1 < last:
        found.append(step - 1)
        step *= 3
    return [*found, last] if curve.values else []


_CACHE: dict = {}


def learned_of(curves, prospects, parts):
    ended = sorted((c for c in curves if c.ended and c.values), key=lambda c: c.trial)
    fits = [m for m in LADDER if m <= len(ended)]
    ranges = len(prospects.coordinates)
    if not fits or not parts.relevances:
        return usual(ranges)
    chosen = ended[: fits[-1]]
    key = tuple(c.trial for c in chosen)
    cache = prospects.__dict__.setdefault("_learned", {})
    if key not in cache:
        rows = 0
        few = []
        for c in sorted(chosen, key=lambda c: (-len(c.values), c.trial)):
            if rows + len(read_of(c)) <= MAX_LEARN:
                few.append(c)
                rows += len(read_of(c))
        few.sort(key=lambda c: c.trial)
        reports = reports_of(few, prospects.elementary, read_of)
        points = np.array([c.point for c in few])
        got = learn(reports, prospects.coordinates.squares(points, points))
        cache.clear()
        cache[key] = got
    return cache[key]


def most_telling(curves):
    best = sorted(curves, key=lambda c: (-len(c.values), -(c.values[-1] if c.values else 0.0), c.trial))
    newest = sorted(curves, key=lambda c: -c.trial)
    read, rows = {}, 0
    for c in (*best[:32], *newest):
        n = len(read_of(c)) + c.failed
        if c.trial not in read and rows + n <= MAX_ROWS:
            read[c.trial] = c
            rows += n
    return [read[t] for t in sorted(read)]


def propose(curves: Sequence[Curve], candidates: Sequence[Candidate], prospects: Prospects, draws, parts=Parts()):
    coordinates, elementary = prospects.coordinates, prospects.elementary
    tried, known = list(curves), [c for c in curves if c.values or c.failed]
    learned = learned_of(known, prospects, parts)
    curves = most_telling(known)
    reports = reports_of(curves, elementary, read_of)
    points = np.array([c.point for c in curves])
    time = over_time(reports.share, reports.share)
    K = of_settings(coordinates.squares(points, points), learned)[np.ix_(reports.curve, reports.curve)]
    K = (K + learned.trial * np.equal(reports.curve[:, None], reports.curve[None])) * time
    K = K + LEVEL + DRIFT * np.minimum(reports.share[:, None], reports.share[None]) + learned.noise * np.eye(len(time))
    lower = cholesky(K)
    whitened = solve_lower(lower, reports.loss[:, None])
    prior = learned.joint + learned.mains + LEVEL + DRIFT

    def predict(places):
        cov = of_settings(coordinates.squares(places, points), learned)[:, reports.curve] * np.sqrt(reports.share)[None]
        cov = cov + LEVEL + DRIFT * reports.share[None]
        projected = solve_lower(lower, cov.T)
        mean = product(projected, whitened)[:, 0]
        variance = np.maximum(prior - sum(row * row for row in projected), 0.0)
        return mean, variance, projected

    found = list(candidates)
    places = np.array([c.point for c in found])
    mean, variance, projected = predict(places)
    hopeful = np.round(mean - BOLDNESS * np.sqrt(variance), ROUNDED)
    if parts.refine:
        have = {repr(sorted(c.params.items())) for c in found}
        for _ in range(ROUNDS):
            top = np.argsort(hopeful, kind="stable")[: 4 * REFINED]
            parents = [found[i] for i in top.tolist() if prospects.feasible(found[i].params)][:REFINED]
            new = []
            for parent in parents:
                for params in prospects.neighbours(parent.params, draws, NEIGHBOURS):
                    k = repr(sorted(params.items()))
                    if k not in have:
                        have.add(k)
                        new.append(coordinates.candidate(params))
            if not new:
                break
            new = prospects.not_near(new, tried)
            if not new:
                break
            m, v, p = predict(np.array([c.point for c in new]))
            found += new
            mean, variance = np.concatenate([mean, m]), np.concatenate([variance, v])
            projected = np.concatenate([projected, p], axis=1)
            hopeful = np.round(mean - BOLDNESS * np.sqrt(variance), ROUNDED)
        places = np.array([c.point for c in found])
    finalists = []
    for i in np.argsort(hopeful, kind="stable").tolist():
        if prospects.feasible(found[i].params):
            finalists.append(i)
            if len(finalists) == FINALISTS:
                break
    if not finalists:
        return None
    f = np.array(finalists, np.intp)
    near = of_settings(coordinates.squares(places[f], places[f]), learned) + LEVEL + DRIFT
    cov = near - product(projected[:, f], projected[:, f]) + 1e-6 * np.eye(len(f))
    normals = np.round(elementary.normals(draws, len(f)), 9)
    drawn = mean[f] + BOLDNESS * product(cholesky(cov).T, normals[:, None])[:, 0]
    if parts.cost:
        done = [i for i, c in enumerate(curves) if c.values]
        inc_mean = predict(points)[0]
        best = float(np.min(inc_mean[done]))
        cost = np.array([prospects.cost(found[i].params) for i in finalists], np.float64)
        gain = np.maximum(best - drawn, 0.0)
        rate = gain / (cost / cost.mean()) ** COST_POWER
        chosen = int(np.argmax(np.round(rate, ROUNDED))) if gain.max() > 0 else int(np.argmin(np.round(drawn, ROUNDED)))
    else:
        chosen = int(np.argmin(np.round(drawn, ROUNDED)))
    periods = max(len(c.shares) for c in curves)
    dev = float(np.sqrt(max(variance[f[chosen]], 0.0)))
    low, expected, high = (reports.scale.value(float(mean[f[chosen]]) + off, periods) for off in (dev, 0.0, -dev))
    apart = coordinates.distances(places[f[[chosen]]], np.array([c.point for c in tried]))[0]
    why = Why(expected=expected, low=low, high=high,
        best=max((c.values[-1] for c in known if len(c.values) == len(c.shares)), default=None),
        closest=tried[int(np.argmin(apart))].trial, among=len(found))
    return found[int(f[chosen])].params, why
