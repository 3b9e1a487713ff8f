"""`search --for`, `certify` and `verify` as they are typed, with real trainings in worker processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from support.copies import Ran

pytestmark = pytest.mark.slow

SEARCH = "search smoke --trials 4 --for alice --set subset=1000 --set epochs=2 --workers 1"
FORGED = """
import json
from mnist_bench.certificates import hash_tree
from mnist_bench.certificates.certificate import certificate_of
from mnist_bench.certificates.certificate_file import read, write
from pathlib import Path
from support.certified import with_weights

whole = read(Path("alice.json"))
write(with_weights(whole, whole.best.number, 1), Path("forged.json"))
"""
SCRIPT = f"""
run({SEARCH!r})
run("search smoke --trials 5 --for alice --set subset=1000 --set epochs=2 --workers 1")
run("certify smoke-alice --to alice.json")
run("certify --to alice.json --json")
run("certify smoke-alice --to other.json --for bob")
run("verify alice.json --periods 1 --draw 5 --workers 1 --json")
exec({FORGED!r})
run("verify forged.json --periods 1 --workers 1")
run("verify none.json")
run("verify alice.json --periods 0")
"""


@pytest.fixture(scope="module")
def ran(
    in_one_process: Callable[[Path, str], dict[str, Ran]], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Ran]:
    return in_one_process(tmp_path_factory.mktemp("certificates"), SCRIPT)


def test_a_search_for_a_receiver_is_named_after_both(ran: Mapping[str, Ran]) -> None:
    assert ran[SEARCH].code == 0, ran[SEARCH]
    assert "of study smoke-alice" in ran["certify smoke-alice --to alice.json"].out


def test_another_trial_budget_is_another_search(ran: Mapping[str, Ran]) -> None:
    raised = ran["search smoke --trials 5 --for alice --set subset=1000 --set epochs=2 --workers 1"]
    assert (raised.code, "context.certificate.trials: 4 then, 5 now" in raised.err) == (2, True)


def test_a_certificate_is_written_and_named_by_its_root(ran: Mapping[str, Ran]) -> None:
    written, as_json = ran["certify smoke-alice --to alice.json"], ran["certify --to alice.json --json"]
    values = json.loads(as_json.out)
    assert (written.code, f"root {values['root']}" in written.out) == (0, True)
    assert (values["study"], values["receiver"], values["schema_version"]) == ("smoke-alice", "alice", 1)


def test_a_certificate_for_another_receiver_is_refused(ran: Mapping[str, Ran]) -> None:
    refused = ran["certify smoke-alice --to other.json --for bob"]
    assert (refused.code, "was searched for alice" in refused.err) == (2, True)


def test_a_certificate_holds_and_the_draw_can_be_repeated(ran: Mapping[str, Ran]) -> None:
    held = ran["verify alice.json --periods 1 --draw 5 --workers 1 --json"]
    assert held.code == 0, held
    values = json.loads(held.out)
    assert (values["verdict"], values["seed"], values["drawn"], len(values["checked"])) == ("holds", 5, 1, 2)
    assert values["unchecked"][0].startswith(
        "The author chose other options than `mnist-bench search smoke --trials 4`"
    )
    assert "the draw has seed 5 (--draw repeats it)" in held.err


def test_a_forged_certificate_is_refuted(ran: Mapping[str, Ran]) -> None:
    refuted = ran["verify forged.json --periods 1 --workers 1"]
    assert (refuted.code, "Refuted: trial " in refuted.out) == (4, True)


def test_no_file_and_no_number_are_wrong_usage(ran: Mapping[str, Ran]) -> None:
    assert ran["verify none.json"].err == "Error: none.json: cannot be read (No such file or directory).\n"
    assert (ran["verify none.json"].code, ran["verify alice.json --periods 0"].code) == (2, 2)
