"""The result of a check in words and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from mnist_bench.certificates.verification import CheckedTrial, Verification
from mnist_bench.certificates.verification_lines import document, lines

HELD = Verification(
    study="smoke-alice", root="5f" * 32, receiver="alice", space="smoke", trials=12, best=4, value=0.966, seed=42,
    drawn=20, among=400, decisions=49, checked=(CheckedTrial(number=4, periods=3, drawn=0, first_difference=None),),
)  # fmt: skip


def test_a_certificate_that_holds() -> None:
    assert [*lines(replace(HELD, drawn=60, unchecked=("The author chose the seed.",)))] == [
        "Certificate 5f5f5f5f5f5f5f5f of study smoke-alice: space smoke, 12 trials, the seed for alice; best #4, "
        "96.60%.",
        "Decisions: 49 events decided again, each as in the log.",
        "Training: 1 trial with 3 reporting intervals trained again from their seeds: the best one, and those of 60 "
        "drawn of 400 intervals (--draw 42).",
        "Not checked: The author chose the seed.",
        "Holds: all that was repeated is identical, bit for bit.",
        "Such a check finds 96.4% of certificates with 5% forged intervals (20 of 400), and 15.0% of those with one.",
        "Not shown: other searches of the author's that were not published.",
    ]


def test_a_certificate_that_is_refuted() -> None:
    *_, last = lines(replace(HELD, difference="trial 4: period 2, weights (a in the log, b when trained again)"))
    assert last == "Refuted: trial 4: period 2, weights (a in the log, b when trained again)."


def test_a_certificate_that_this_machine_cannot_check() -> None:
    other = replace(HELD, difference="event 3: differs", conditions=("torch 2.12.0, here 2.13.0",))
    *_, condition, last = lines(other)
    assert condition == "Other conditions: torch 2.12.0, here 2.13.0."
    assert last == (
        "This machine cannot tell: the certificate is neither confirmed nor refuted. Under other conditions, the first "
        "difference is not an accusation: event 3: differs."
    )
    *_, last = lines(replace(HELD, impossible="Study x was searched elsewhere."))
    assert last.endswith("the certificate is neither confirmed nor refuted. Study x was searched elsewhere.")


def test_if_all_was_trained_nothing_is_left_to_chance() -> None:
    *_, found, _ = lines(replace(HELD, drawn=400))
    assert found == "Every reporting interval was trained again, so a forged one would have been found."
    *_, found, _ = lines(replace(HELD, drawn=0, among=0))
    assert found.startswith("Every reporting interval")


def test_the_document_is_json() -> None:
    values = json.loads(json.dumps(document(HELD)))
    assert (values["verdict"], values["root"], values["checked"][0]["number"]) == ("holds", "5f" * 32, 4)
    assert values["share_found"] == {"forged_5_percent": HELD.share_found(20), "forged_one": 0.05}


def test_python_shows_the_verdict() -> None:
    assert repr(HELD) == (
        "certificate 5f5f5f5f of study smoke-alice: holds\n49 decisions and 3 periods repeated, draw 42"
    )
