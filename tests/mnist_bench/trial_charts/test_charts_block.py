"""The charts as a part of a page: text from outside is no markup, and the data can be read."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from mnist_bench.trial_charts.charts_block import charts_of
from support import handmade, handmade_report, handmade_values


def test_the_data_hold_each_trials_figures_and_settings() -> None:
    markup = charts_of(handmade.mixed()).markup
    (data,) = re.findall(r'<script type="application/json" id="trials">(.*)</script>', markup)
    trials = json.loads(data)
    assert list(trials) == ["0", "1", "2", "3", "4", "6", "7"]
    assert trials["1"]["settings"] == {"optim.lr": "0.0093", "model.blocks": "3"}
    assert trials["4"]["figures"]["state"] == "PRUNED"


def test_each_trial_with_a_value_is_in_both_charts_and_the_best_is_marked() -> None:
    markup = charts_of(handmade.mixed()).markup
    assert [markup.count(f'data-trial="{number}"') for number in range(8)] == [2, 2, 2, 2, 2, 0, 0, 2]
    assert re.findall(r'class="trial complete best" data-trial="(\d)"', markup) == ["1", "1"]


def test_text_from_outside_is_no_markup() -> None:
    hostile = handmade_report.HOSTILE + "\u202e"
    trial = replace(handmade_values.trial(0, [1.0, 2.0]), error=hostile, params={hostile: hostile})
    study = handmade_values.study([trial], {"objective": hostile})
    block = charts_of(study)
    assert "<script>document" not in block.markup
    assert "onerror=alert(1)>" not in block.markup
    assert "\u202e" not in block.markup
    assert "\\u202e" not in block.markup
    (data,) = re.findall(r'id="trials">(.*)</script>', block.markup)
    (settings,) = (found["settings"] for found in json.loads(data).values())
    assert list(settings) == [handmade_report.HOSTILE]


def test_a_large_study_stays_small() -> None:
    trials = [handmade.trial(n, range(n % 90), params={"optim.lr": 0.001 + n / 1e6}) for n in range(400)]
    block = charts_of(handmade.study(trials))
    assert block.markup.count("<g ") == 2 * 201
    assert len(block.markup) < 300_000
