"""Which trainees stay, and whose they are."""

from __future__ import annotations

from mnist_bench.resident import Residents


def test_a_trainee_is_found_by_its_states_bytes_and_taken_once() -> None:
    residents: Residents[str] = Residents(2)
    residents.keep(b"state", "config", 1, "trainee")
    assert residents.take(None, "config", 0) is None
    assert residents.take(b"other", "config", 1) is None
    assert residents.take(b"state", "config", 1) == "trainee"
    assert residents.take(b"state", "config", 1) is None


def test_bytes_in_another_place_are_nobodys() -> None:
    residents: Residents[str] = Residents(2)
    for place in (("other", 1), ("config", 2)):
        residents.keep(b"state", "config", 1, "trainee")
        assert residents.take(b"state", *place) is None


def test_the_newest_stay() -> None:
    residents: Residents[int] = Residents(2)
    for number in range(3):
        residents.keep(bytes([number]), "config", 1, number)
    assert [residents.take(bytes([number]), "config", 1) for number in range(3)] == [None, 1, 2]


def test_none_stay_where_there_is_no_room_or_all_are_sent_away() -> None:
    nobody: Residents[str] = Residents(0)
    nobody.keep(b"state", "config", 1, "trainee")
    assert not nobody.clear()
    residents: Residents[str] = Residents(1)
    residents.keep(b"state", "config", 1, "trainee")
    assert residents.clear()
    assert residents.take(b"state", "config", 1) is None
