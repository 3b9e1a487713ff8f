"""Studies of one name in two databases: neither takes the other's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.errors import UsageError
from search.study import studies
from search.study.location import StudyLocation, can_name_a_study, name_after
from search.study.studies import remove_study
from support import forged, search_fake as fake


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
    assert [name for name in forged.NAMES if can_name_a_study(name)] == []
    assert can_name_a_study("conv-0.1_b")


def test_a_study_elsewhere_leaves_the_folder_of_one_that_is_here_alone(tmp_path: Path, url: str) -> None:
    fake.run(tmp_path, goal=9, stopping=fake.StopAfter(20))
    before = contents(tmp_path / "fake-0")
    with pytest.raises(UsageError, match=r"files of another study of this name, whose database is .*/fake-0/study.db"):
        fake.run(tmp_path, goal=9, seed=1, url=url)
    assert contents(tmp_path / "fake-0") == before
    assert not (tmp_path / "team.db").exists()


def test_a_study_here_leaves_the_folder_of_one_that_is_elsewhere_alone(tmp_path: Path, url: str) -> None:
    fake.run(tmp_path, goal=9, stopping=fake.StopAfter(20), url=url)
    before = contents(tmp_path / "fake-0")
    with pytest.raises(UsageError, match=r"fake-0 holds files of another study of this name, begun 20"):
        fake.run(tmp_path, goal=9, seed=1)
    assert contents(tmp_path / "fake-0") == before
    third = f"sqlite:///{tmp_path / 'third.db'}"
    fake.run(tmp_path / "there", goal=3, url=third)
    with pytest.raises(UsageError, match=r"fake-0 holds files of another study of this name, begun 20"):
        fake.run(tmp_path, goal=9, url=third)
    assert contents(tmp_path / "fake-0") == before
    assert fake.run(tmp_path, goal=9, url=url).reached


def test_removing_a_study_leaves_the_folder_of_another_alone(tmp_path: Path, url: str) -> None:
    here = fake.run(tmp_path / "here", goal=4).study
    fake.run(tmp_path / "there", goal=4, seed=1, url=url)
    remove_study(tmp_path / "here", "fake-0", url)
    assert studies.list_studies(tmp_path / "here", url) == []
    assert studies.open_study(tmp_path / "here", "fake-0").digest == here.digest


def test_a_database_that_is_not_there_yet_holds_no_study(tmp_path: Path, url: str) -> None:
    location = StudyLocation.of("fake-0", tmp_path, url)
    assert (studies.specification(location), studies.read_events(location)) == (None, [])
    fake.run(tmp_path, goal=3, url=url)
    assert studies.specification(location) is not None
