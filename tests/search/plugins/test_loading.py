"""Your own code by its name: what it is, and the message if there is none."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from search.errors import PluginError, UsageError
from search.plugins.loading import load, load_object
from support import own_code


def test_a_file_is_known_by_its_name_and_its_hash(tmp_path: Path) -> None:
    name = own_code.write(tmp_path, own_code.SEEDED)
    loaded = load(name, "sampler")
    assert (loaded.name, loaded.whole_name) == ("mine.py:Mine", name)
    assert (loaded.code.module, loaded.code.version) == ("mine.py", None)
    assert loaded.code.sha256 == hashlib.sha256(own_code.SEEDED.encode()).hexdigest()
    assert not list(tmp_path.glob("__pycache__"))


def test_a_package_is_known_by_the_module_that_defines_it_and_its_version() -> None:
    import optuna
    from optuna.samplers._tpe import sampler

    loaded = load("optuna.samplers:TPESampler", "sampler")
    assert loaded.name == loaded.whole_name == "optuna.samplers:TPESampler"
    assert (loaded.code.module, loaded.code.version) == ("optuna.samplers._tpe.sampler", optuna.__version__)
    assert loaded.code.sha256 == hashlib.sha256(Path(sampler.__file__).read_bytes()).hexdigest()


def test_a_file_that_hands_on_another_modules_class_is_that_module(tmp_path: Path) -> None:
    name = own_code.write(tmp_path, "from optuna.samplers import TPESampler as Mine\n")
    assert load(name, "sampler").code == load("optuna.samplers:TPESampler", "sampler").code


def test_a_file_is_compiled_as_it_stands_however_quickly_it_changed(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "mine.py").write_text(f"def Mine(): return {number}\n")
        loaded = load(f"{tmp_path}/mine.py:Mine", "sampler")
        assert loaded.call() == number
        assert loaded.code.sha256 == hashlib.sha256((tmp_path / "mine.py").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "nowhere:Mine",
            r"No sampler nowhere:Mine \(No module named 'nowhere'\); name it as package\.module:Name or "
            r"folder/file\.py:Name; a package has to be installed, or on PYTHONPATH\.$",
        ),
        ("nowhere.py:Mine", r"No sampler nowhere\.py:Mine \(.*No such file or directory.*\); name it as package"),
        ("math:Mine", r"No sampler math:Mine \(module 'math' has no attribute 'Mine'\); name it as package"),
        (":Mine", r"No sampler :Mine \(Empty module name\); name it as package"),
        ("math:pi", r"Sampler math:pi is not a class of a source file; name it as package"),
    ],
)
def test_what_is_not_there_is_refused(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=f"^{words}"):
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


def test_a_constructor_that_refuses_says_why_and_where(tmp_path: Path) -> None:
    loaded = load(own_code.write(tmp_path, own_code.REFUSING), "sampler")
    with pytest.raises(
        UsageError, match=r"^Sampler mine\.py:Mine cannot be created: ValueError: .* \(/.*/mine\.py:\d+\)"
    ):
        loaded.construct({"share": 2}, seed=0)
    with pytest.raises(UsageError, match=r"^Sampler mine\.py:Mine cannot be created: TypeError: .*'lr'\.$"):
        loaded.construct({"lr": 2}, seed=0)
    with pytest.raises(UsageError, match=r"^Sampler mine\.py:Mine: its seed comes from the search's; leave it out\.$"):
        loaded.construct({"seed": 2}, seed=0)


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
