"""The commands that repeat a study and its trials, from the files that they write themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from mnist_bench.nets import own_net
from mnist_bench.next_commands import NextCommands
from mnist_bench.space_files import space_sources
from mnist_bench.studies import checked
from mnist_bench.studies.checked import net_code
from mnist_bench.studies.record import data_of
from mnist_bench.value_kind import NETS
from search import canonical_json
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import repeats
from search.messages import command_line, quoted
from search.study.invocation_log import Invocation, latest_data
from search.study.spec import own_code_options

SPACE_FILE = "space.yaml"
ENQUEUED_FILE = "enqueued-{}.yaml"  # files that the commands write before they search again
ELSEWHERE = "elsewhere"  # the folder of the repeated searches, which must not resume the study itself


def commands(
    study: StudyRecord, chosen: TrialRecord | None, next_commands: NextCommands, invocations: Sequence[Invocation] = ()
) -> dict[str, str]:
    """Return the commands that repeat the search and a trial of it, each with its purpose; they run unchanged."""
    code = net_code(study)
    # The file of your own network is the one that the first of these commands writes, not the one on this machine.
    known = replace(next_commands, net=None if code is None else own_net.split_code(code)[0])
    again = dict([*_files(study, known), *_searches(study, latest_data(invocations))])
    if chosen is None:
        return again
    number = chosen.number
    return again | {
        known.line("reproduce", trial=number): f"trains #{number} again and compares it bit for bit",
        f"{known.line('show', '--json', trial=number)} > RECORD.json": "its record, complete for anybody else",
        known.of_record("RECORD.json"): "the same, on any machine",
    }


def commands_for_values(known: NextCommands, chosen: TrialRecord | None) -> dict[str, str]:
    """Return the commands about the study and a trial of it, each with its purpose; its own program searches again."""
    space = {f"{known.line('show', '--space')} > {SPACE_FILE}": "the space that was searched, as a file"}
    if chosen is None:
        return space
    number, folder = chosen.number, ", in the folder of its file" if ".py:" in "".join(known.own_code) else ""
    again = f"trains #{number} again with your own trainer{folder}, and compares it bit for bit"
    return space | {known.line("reproduce", trial=number): again}


def _files(study: StudyRecord, known: NextCommands) -> Iterator[tuple[str, str]]:
    file = (known.net or "").rpartition(":")[0]
    if file.endswith(".py"):
        yield f"{known.line('show', '--code')} > {quoted(file)}", "the network that was searched, as a file"
    if _shipped(study.spec["space"]) is None:
        yield f"{known.line('show', '--space')} > {SPACE_FILE}", "the space that was searched, as a file"
    for number in _enqueued(study):
        yield (
            f"{known.line('show', '--recipe', trial=number)} > {ENQUEUED_FILE.format(number)}",
            "a recipe that was trained before the search's own trials",
        )


def _enqueued(study: StudyRecord) -> range:
    """Return the numbers of the enqueued trials that were begun; only they have a recipe."""
    return range(min(len(study.spec.get("enqueued", ())), len(study.trials)))


def _searches(study: StudyRecord, data_dir: str | None) -> Iterator[tuple[str, str]]:
    what = f"the same search again{_where(study.spec)}"
    *earlier, last = study.totals
    for total in earlier:
        yield f"{_search(study, total, data_dir)} --results {ELSEWHERE}", f"{what}, first to its budget of that time"
    stopped = f" {NETS.stop_option(study.stop)}" if study.stop else ""
    yield f"{_search(study, last, data_dir)}{stopped} --results {ELSEWHERE}", f"{what}; {_digest(study)}"


def _digest(study: StudyRecord) -> str:
    if waiting := len(study.spec.get("enqueued", ())) - len(_enqueued(study)):
        recipes = "1 recipe that was" if waiting == 1 else f"{waiting} recipes that were"
        return f"its digest is the one above with the {recipes} enqueued and not begun named with --enqueue, too"
    if study.stop is not None and not study.stop.on_time:
        return "it stops sooner than this search, which noticed the stopping rule later"
    if not repeats(study.order):
        return "in completion order, so its digest may differ"
    by_machine = sum(trial.external for trial in study.trials)
    if by_machine:
        again = "that trial again" if by_machine == 1 else "those trials again"
        timed = any(trial.reason == "timed_out" for trial in study.trials)
        limit = ", with the --trial-timeout of then," if timed else ""
        return f"its digest is the one above if the machine{limit} ends {again}"
    return "its digest has to be the one above"


def _search(study: StudyRecord, trials: int, data_dir: str | None) -> str:
    spec = study.spec
    dataset, named = data_of(spec["context"]).dataset, space_sources.dataset_of(study.space)
    words = ["mnist-bench", "search", _shipped(spec["space"]) or SPACE_FILE]
    words += ["--trials", str(trials), "--seed", str(spec["seed"])]
    words += ["--concurrent-trials", str(spec["concurrent_trials"])]
    words += [] if repeats(study.order) else ["--order", "as-completed"]
    words += own_code_options(spec)
    words += [] if dataset == named else ["--set", f"dataset={dataset}"]
    words += [] if data_dir is None else ["--data", data_dir]
    # The default is a GPU on a machine that has one.
    words += ["--device", "cpu"] if checked.device_like(spec["numerics"], "auto") == "cpu" else []
    for number in _enqueued(study):
        words += ["--enqueue", ENQUEUED_FILE.format(number)]
    code = net_code(study)
    words += [] if code is None else ["--net", own_net.split_code(code)[0]]
    return command_line([*words, "--study-name", study.name])


def _where(spec: Mapping[str, Any]) -> str:
    """Return where a search with your own sampler or pruner finds its files, which no study keeps."""
    names = [str(spec[kind]["name"]) for kind in ("sampler", "pruner")]
    files = dict.fromkeys(name.rpartition(":")[0] for name in names if ".py:" in name)
    return f", in the folder of {' and '.join(files)}" if files else ""


def _shipped(spec: Mapping[str, Any]) -> str | None:
    """Return the name of the shipped space that was searched; None if it was another space."""
    name = str(spec["name"])
    return name if name in space_sources.shipped() and _shipped_spec(name) == canonical_json.dumps(spec) else None


@cache
def _shipped_spec(name: str) -> str:
    """Return the stored form of a shipped space; to read and check one takes a tenth of a second."""
    return canonical_json.dumps(space_sources.load(name).to_spec())
