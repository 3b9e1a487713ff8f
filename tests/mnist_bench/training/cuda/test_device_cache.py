"""Which train loops stay, and whose they are."""

from __future__ import annotations

from mnist_bench.training.cuda.device_cache import DeviceCache


def test_a_train_loop_is_found_by_its_states_bytes_and_taken_once() -> None:
    device_cache: DeviceCache[str] = DeviceCache(2)
    device_cache.keep(b"state", "config", 1, "train_loop")
    assert device_cache.take(None, "config", 0) is None
    assert device_cache.take(b"other", "config", 1) is None
    assert device_cache.take(b"state", "config", 1) == "train_loop"
    assert device_cache.take(b"state", "config", 1) is None


def test_bytes_in_another_place_are_nobodys() -> None:
    device_cache: DeviceCache[str] = DeviceCache(2)
    for place in (("other", 1), ("config", 2)):
        device_cache.keep(b"state", "config", 1, "train_loop")
        assert device_cache.take(b"state", *place) is None


def test_the_newest_stay() -> None:
    device_cache: DeviceCache[int] = DeviceCache(2)
    for number in range(3):
        device_cache.keep(bytes([number]), "config", 1, number)
    assert [device_cache.take(bytes([number]), "config", 1) for number in range(3)] == [None, 1, 2]


def test_none_stay_where_there_is_no_room_or_all_are_sent_away() -> None:
    nobody: DeviceCache[str] = DeviceCache(0)
    nobody.keep(b"state", "config", 1, "train_loop")
    assert not nobody.clear()
    device_cache: DeviceCache[str] = DeviceCache(1)
    device_cache.keep(b"state", "config", 1, "train_loop")
    assert device_cache.clear()
    assert device_cache.take(b"state", "config", 1) is None
