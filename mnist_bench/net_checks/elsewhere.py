"""Train a net of a user's own in another process, with another order of sets; run by `trained_elsewhere`."""

from __future__ import annotations

import json
import sys

from mnist_bench.net_checks.short_training import Outcome, ShortTraining
from search.errors import SearchError
from search.repeatability import answer_elsewhere


def trained_elsewhere(training: ShortTraining) -> Outcome:
    """Return what `anew` comes to in a fresh interpreter whose hashes of texts are others.

    Raises:
        PluginError: it fails there.
    """
    outcome: Outcome = answer_elsewhere(__name__, training.to_json())["outcome"]
    return outcome


def main() -> None:
    """Answer one task, from standard input to standard output."""
    training = ShortTraining.from_json(json.load(sys.stdin))
    try:
        print(json.dumps({"outcome": training.anew()}))
    except SearchError as error:
        print(json.dumps({"error": str(error)}))


if __name__ == "__main__":
    main()
