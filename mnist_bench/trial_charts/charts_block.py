"""The charts as a part of a page: markup with the trials' figures, its style and its script, which use no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnist_bench import cells
from mnist_bench.trial_charts import drawn_charts
from mnist_bench.trial_charts.shown_trials import LISTED, ShownStudy, shown_study
from search.event_log import StudyRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartsBlock:
    """Charts of trials for a page that also has tables of them.

    The script finds a trial in any table of the page by its number, `#17`, and stores the pinned ones in the address.
    """

    markup: Markup
    style: Markup
    script: Markup


def charts_of(study: StudyRecord, most: int = LISTED) -> ChartsBlock:
    """Return the charts of a study, of at most `most` trials and those that train now."""
    shown = shown_study(study, most)
    template = _environment().get_template("charts.html.j2")
    markup = template.render(
        charts=[drawn_charts.learning_curves(shown), drawn_charts.history(shown)],
        size=drawn_charts,
        best=shown.bests[-1][0] if shown.bests else None,
        data=_data(shown),
    )
    return ChartsBlock(
        markup=Markup(markup),  # noqa: S704 - the template has escaped it
        style=_part("charts.css"),
        script=_part("charts.js"),
    )


def _data(shown: ShownStudy) -> Markup:
    """Return the trials as JSON that no element of a page can end."""
    trials = {
        trial.number: {"figures": _safe(trial.figures), "settings": _safe(trial.settings)} for trial in shown.trials
    }
    text = json.dumps(trials, ensure_ascii=True)
    escaped = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(escaped)  # noqa: S704 - JSON, in which nothing ends the element


def _safe(words: Mapping[str, str]) -> dict[str, str]:
    return {cells.safe(name): cells.safe(text) for name, text in words.items()}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("mnist_bench.trial_charts"),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else cells.safe(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _part(name: str) -> Markup:
    text = resources.files("mnist_bench.trial_charts").joinpath("templates", name).read_text()
    return Markup(text.strip())  # noqa: S704 - ours
