"""Studies of one name in two databases: neither takes the other's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.errors import UsageError
from search.study import studies
from search.study.location import StudyLocation, can_name_a_study, name_after
from search.study.studies import remove_study
from support import forged, search_fake as fake
from support.searched import Searched

GOAL = 5


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'team.db'}"


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a study's folder; without the lock's, which names its last holder, refused ones too."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "driver.lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_name_that_was_not_given_says_where_it_comes_from() -> None:
    assert name_after("n" * 62, 0) == f"{'n' * 62}-0"
    with pytest.raises(UsageError, match=r"^'n+-12', the space's name and the seed, cannot name .*\. Give one with --"):
        name_after("n" * 62, 12)


def test_no_name_leads_out_of_the_results_folder_or_speaks_to_a_terminal() -> None:
    for name in (*forged.NAMES, "", "../x", "a/b", "a\nb", "\x1b[31m", "x" * 65, "a\0b", "-n", "é"):
        with pytest.raises(UsageError, match="cannot name a study"):
            StudyLocation.of(name, Path("results"))
    assert can_name_a_study("conv-0.1_b")


def test_a_command_names_the_place_of_a_study_only_if_it_is_not_the_one_in_force(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    assert StudyLocation.of("fake-0", Path("results")).words == ()
    assert StudyLocation.of("fake-0", Path("there"), url).words == ("--results", "there", "--storage", url)
    monkeypatch.setenv("OPTUNA_STORAGE", url)
    assert StudyLocation.of("fake-0", Path("results"), url).words == ()


def test_a_study_elsewhere_leaves_the_folder_of_one_that_is_here_alone(
    searched: Searched, tmp_path: Path, url: str
) -> None:
    folder = searched(tmp_path, goal=GOAL, events=14).folder
    before = contents(folder)
    with pytest.raises(UsageError, match=r"files of another study of this name, whose database is .*/fake-0/study.db"):
        fake.run(tmp_path, goal=GOAL, seed=1, url=url)
    assert contents(folder) == before
    assert not (tmp_path / "team.db").exists()


def test_a_study_here_leaves_the_folder_of_one_that_is_elsewhere_alone(tmp_path: Path, url: str) -> None:
    fake.run(tmp_path, goal=GOAL, stopping=fake.StopAfter(14), url=url)
    before = contents(tmp_path / "fake-0")
    third = f"sqlite:///{tmp_path / 'third.db'}"
    fake.run(tmp_path / "there", goal=1, url=third)
    for other in (None, third):
        with pytest.raises(UsageError, match=r"fake-0 holds files of another study of this name, begun 20"):
            fake.run(tmp_path, goal=GOAL, seed=0 if other else 1, url=other)
        assert contents(tmp_path / "fake-0") == before
    assert fake.run(tmp_path, goal=GOAL, url=url).reached


def test_removing_a_study_leaves_the_folder_of_another_alone(searched: Searched, tmp_path: Path, url: str) -> None:
    place = searched(tmp_path / "here", goal=4)
    fake.run(tmp_path / "there", goal=1, seed=1, url=url)
    remove_study(tmp_path / "here", "fake-0", url)
    assert studies.list_studies(tmp_path / "here", url) == []
    assert studies.open_study(place.folder.parent, "fake-0").digest == searched.digest(goal=4)


def test_a_database_that_is_not_there_yet_holds_no_study(tmp_path: Path, url: str) -> None:
    location = StudyLocation.of("fake-0", tmp_path, url)
    assert (studies.specification(location), studies.read_events(location)) == (None, [])
    fake.run(tmp_path, goal=1, url=url)
    assert studies.specification(location) is not None
