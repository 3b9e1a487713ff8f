"""Your own code by its name: what it is, and the message if there is none."""

from __future__ import annotations

import hashlib
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from search.errors import PluginError, UsageError
from search.loading import load, load_object, loaded_source
from support import own_code


def test_a_file_is_known_by_its_name_and_its_hash(tmp_path: Path) -> None:
    name = own_code.write(tmp_path, own_code.SEEDED)
    loaded = load(name, "sampler")
    assert (loaded.name, loaded.whole_name) == ("mine.py:Mine", name)
    assert (loaded.code.module, loaded.code.version) == ("mine.py", None)
    assert loaded.code.sha256 == hashlib.sha256(own_code.SEEDED.encode()).hexdigest()
    assert not list(tmp_path.glob("__pycache__"))


def test_a_package_is_known_by_the_module_that_defines_it_and_its_version(tmp_path: Path) -> None:
    loaded = load("optuna.samplers:TPESampler", "sampler")
    source = Path(str(find_spec("optuna.samplers._tpe.sampler").origin))  # type: ignore[union-attr]
    assert loaded.name == loaded.whole_name == "optuna.samplers:TPESampler"
    assert (loaded.code.module, loaded.code.version) == ("optuna.samplers._tpe.sampler", version("optuna"))
    assert loaded.code.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    handed_on = own_code.write(tmp_path, "from optuna.samplers import TPESampler as Mine\n")
    assert load(handed_on, "sampler").code == loaded.code


def test_a_file_is_compiled_as_it_stands_however_quickly_it_changed(tmp_path: Path) -> None:
    loaded = [load(own_code.write(tmp_path, f"def Mine(): return {number}\n"), "sampler") for number in (1, 2)]
    assert [each.call() for each in loaded] == [1, 2]
    assert loaded[0].code.sha256 != loaded[1].code.sha256


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere:Mine", r"No sampler nowhere:Mine \(No module named 'nowhere'\)"),
        ("nowhere.py:Mine", r"No sampler nowhere\.py:Mine \(.*No such file or directory.*\)"),
        ("math:Mine", r"No sampler math:Mine \(module 'math' has no attribute 'Mine'\)"),
        (":Mine", r"No sampler :Mine \(Empty module name\)"),
        ("math:pi", r"Sampler math:pi is not a class of a source file"),
    ],
)
def test_what_is_not_there_is_refused(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=rf"^{words}; name it as package\.module:Name or folder/file\.py:Name"):
        load(name, "sampler")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class Mine:\n    pass\n\nprint(absent)\n", r"NameError: name 'absent' is not defined \({path}:4\)"),
        ("import absent\n", r"ModuleNotFoundError: No module named 'absent' \({path}:1\)"),
        ("raise SystemExit(3)\n", r"SystemExit: 3 \({path}:1\)"),
        ("class Mine\n", r"SyntaxError: expected ':' \({path}:1\)"),
    ],
)
def test_what_fails_while_it_is_loaded_says_where(tmp_path: Path, text: str, words: str) -> None:
    name = own_code.write(tmp_path, text)
    path = name.removesuffix(":Mine")
    with pytest.raises(UsageError, match=f"^Trainer {name} cannot be loaded: {words.format(path=path)}\\.$"):
        load_object(name, "trainer")
    assert path not in sys.modules


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"share": 2}, r" cannot be created: ValueError: .* \(/.*/mine\.py:\d+\)"),
        ({"lr": 2}, r" cannot be created: TypeError: .*'lr'\.$"),
        ({"seed": 2}, r": its seed comes from the search's; leave it out\.$"),
    ],
)
def test_a_constructor_that_refuses_says_why_and_where(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    loaded = load(own_code.write(tmp_path, own_code.REFUSING), "sampler")
    with pytest.raises(UsageError, match=rf"^Sampler mine\.py:Mine{words}"):
        loaded.construct(options, seed=0)


@pytest.mark.parametrize(
    ("parameters", "kind", "given"),
    [
        ("seed", "sampler", {"seed": 7}),
        ("**options", "sampler", {"seed": 7}),
        ("**options", "pruner", {}),
        ("seed=1, **options", "pruner", {}),
        ("", "sampler", {}),
    ],
)
def test_what_takes_a_seed_is_given_one(tmp_path: Path, parameters: str, kind: str, given: dict[str, int]) -> None:
    name = own_code.write(tmp_path, f"def Mine({parameters}): return locals()\n")
    made = load(name, kind).construct({}, seed=7)
    assert made.get("options", made) == given


def test_a_file_is_named_in_errors_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own_code.write(tmp_path, "def Mine():\n    return 1 / 0\n")
    loaded = load("mine.py:Mine", "sampler")
    assert loaded.whole_name == f"{tmp_path}/mine.py:Mine"
    with pytest.raises(UsageError, match=r" \(mine\.py:2\)\.$"):
        loaded.construct({}, seed=0)


def test_a_link_to_a_file_keeps_its_name_in_every_process(tmp_path: Path) -> None:
    own_code.write(tmp_path, own_code.SEEDED)
    (tmp_path / "current.py").symlink_to("mine.py")
    (tmp_path / "folder").symlink_to(tmp_path)
    loaded = load(f"{tmp_path}/folder/current.py:Mine", "sampler")
    assert (loaded.name, loaded.whole_name) == ("current.py:Mine", f"{tmp_path}/current.py:Mine")
    again = load(loaded.whole_name, "sampler")
    assert (again.name, again.code) == (loaded.name, loaded.code)


@pytest.mark.parametrize(
    ("line", "words"),
    [("return 1 / 0", "ZeroDivisionError: division by zero"), ("raise SystemExit('enough')", "SystemExit: enough")],
)
def test_an_exception_is_one_sentence_with_the_line_of_the_users_file(tmp_path: Path, line: str, words: str) -> None:
    loaded = load(own_code.write(tmp_path, f"def Mine():\n    {line}\n"), "pruner")
    with (
        pytest.raises(PluginError, match=rf"^Pruner mine\.py:Mine raised {words} \({tmp_path}/mine\.py:2\)"),
        loaded.blamed(),
    ):
        loaded.call()
    with pytest.raises(UsageError, match=r"^ours$"), loaded.blamed():
        raise UsageError("ours")


SCRIPT = """\
import search

WIDTH = 3


@search.wraps
def objective(config):
    return config.x * WIDTH  # by width


study = search.run(objective, {"x": {"float": [0, 1]}}, trials=20)
print(study.best)
"""


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("trials=20", "trials=50", False),
        ("\n\nstudy", "\n# Then the search:\n\nstudy", False),
        ("study = search.run", 'if __name__ == "__main__":\n    print("begins")\nstudy = search.run', False),
        ("study = search.run(objective", "print(search.run(objective, {}).best)\nsearch.run(objective", False),
        ("WIDTH = 3", "WIDTH = 4", True),
        ("@search.wraps", "@search.cached", True),
        ("\nstudy", "\nWIDTH = 5\nstudy", True),
        ("\nstudy", '\nif __name__ == "__main__":\n    pass\nelse:\n    WIDTH = 5\nstudy', True),
        ("\nstudy", '\nif __name__ == "other":\n    WIDTH = 5\nstudy', True),
        ("\nstudy", "\nsubprocess.run(['make'])\nstudy", True),
    ],
)
def test_what_the_function_may_depend_on_counts_and_what_stands_below_it_does_not(
    old: str, new: str, counts: bool
) -> None:
    assert (loaded_source(SCRIPT.replace(old, new).encode()) != loaded_source(SCRIPT.encode())) == counts


@pytest.mark.parametrize(
    "file", ["import search\nfor seed in range(3):\n    search.run(f, space)\nWIDTH = 3", "def f(:", "WIDTH = '\0'"]
)
def test_a_file_of_which_less_is_certain_counts_as_a_whole(file: str) -> None:
    assert loaded_source(file.encode()) == file.encode()
