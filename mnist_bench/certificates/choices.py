"""What the author of a certificate chose: all that differs from the plain command for a bundled space.

The seed of a search for a receiver is a hash of its specification. An author who may vary that may try searches until
one has a good seed, so each choice is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mnist_bench import space_files
from mnist_bench.certificates.certificate import Certificate
from mnist_bench.data import TrainingSet
from mnist_bench.searches import SearchConfig, SearchSetup, running, start_list
from mnist_bench.studies import data_of
from search.differences import ABSENT, differences
from search.messages import command_line, first_few, show

NAMED_ELSEWHERE = (
    "seed", "enqueued", "continues", "numerics", "driver_", "sampler_arithmetic", "context.trainer_revision",
)  # fmt: skip
"""How the paths of a specification begin of which `unchecked` and `installation` tell."""


def sentences(certificate: Certificate, data: TrainingSet, folder: Path) -> Iterator[str]:
    """Yield the author's choices, a sentence each; `folder` is an empty one."""
    spec = certificate.study.spec
    if data_of(spec["context"]).is_own:
        yield f"The author chose the data set (its hash {data.data_hash[:8]})."
    name = str(spec["space"]["name"])
    file = space_files.shipped().get(name)  # only of these: a name from outside may be that of any file
    if file is None:
        yield f"The author wrote the space {show(name)}."
        return
    found = [
        f"{path} {then} instead of {plain}"
        for path, then, plain in differences(spec, _plain(certificate, file, data, folder))
        if not _is_named_elsewhere(path, plain)
    ]
    if found:
        words = ["mnist-bench", "search", name, "--trials", str(certificate.study.totals[0])]
        yield f"The author chose other options than `{command_line(words)}`: {first_few(found, 5)}."


def _plain(certificate: Certificate, file: Path, data: TrainingSet, folder: Path) -> dict[str, Any]:
    """Return the specification of the plain command, as a study stores it."""
    study, receiver = certificate.study, certificate.receiver
    config = SearchConfig(
        space=str(file),
        trials=study.totals[0],
        receiver=None if receiver is None else receiver.name,
        study_name=study.name,
        results=folder,
    )
    setup = SearchSetup.of(config)
    return running.spec_of(setup, data, study.spec["numerics"], start_list(setup)).to_json()


def _is_named_elsewhere(path: str, plain: str) -> bool:
    return path.startswith(NAMED_ELSEWHERE) or (path.startswith("versions.") and plain != ABSENT)
