"""The part of a file that a function may depend on: a change below it is another use of the same function."""

from __future__ import annotations

import pytest

from search.plugins.source_parts import loaded_source

FILE = """\
import search

WIDTH = 3


@search.wraps
def objective(config):
    return config.x * WIDTH  # by width


study = search.run(objective, {"x": {"float": [0, 1]}}, trials=20)
print(study.best)
"""


def part(file: str) -> bytes:
    return loaded_source(file.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("trials=20", "trials=50"),
        ("\n\nstudy", "\n# Then the search:\n\nstudy"),
        ("study = search.run", 'if __name__ == "__main__":\n    print("begins")\nstudy = search.run'),
        ("study = search.run(objective", "print(search.run(objective, {}).best)\nsearch.run(objective"),
    ],
)
def test_what_stands_below_the_function_does_not_count(old: str, new: str) -> None:
    assert part(FILE.replace(old, new)) == part(FILE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("WIDTH = 3", "WIDTH = 4"),
        ("@search.wraps", "@search.cached"),
        ("\nstudy", "\nWIDTH = 5\nstudy"),
        ("\nstudy", '\nif __name__ == "__main__":\n    pass\nelse:\n    WIDTH = 5\nstudy'),
        ("\nstudy", '\nif __name__ == "other":\n    WIDTH = 5\nstudy'),
        ("\nstudy", "\nsubprocess.run(['make'])\nstudy"),
    ],
)
def test_what_the_function_may_depend_on_counts(old: str, new: str) -> None:
    assert part(FILE.replace(old, new)) != part(FILE)


@pytest.mark.parametrize(
    "file", ["import search\nfor seed in range(3):\n    search.run(f, space)\nWIDTH = 3", "def f(:", "WIDTH = '\0'"]
)
def test_a_file_of_which_less_is_certain_counts_as_a_whole(file: str) -> None:
    assert part(file) == file.encode()
