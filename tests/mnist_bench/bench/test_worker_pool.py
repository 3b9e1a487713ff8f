"""Workers that measure together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest

from mnist_bench import bench as crews
from mnist_bench.bench import Order, WorkerPool, open_worker_pool, period_of
from mnist_bench.config.settings import ModelConfig, OptimConfig, TrainConfig
from mnist_bench.errors import DeviceError
from search.errors import WorkerError

pytestmark = pytest.mark.slow

TINY = TrainConfig(epochs=1, model=ModelConfig(blocks=0, hidden_layers=0), optim=OptimConfig(batch_size=64))


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    """Return two workers with 256 images to train on."""
    with open_worker_pool(workers=2, device="cpu", precision="fp32", train_images=256, validation_images=100) as opened:
        yield opened


def test_all_do_the_same_from_a_common_start(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    given, share = list[int](), WorkerPool.share

    def noting(self: WorkerPool, orders: Sequence[Order]) -> object:
        given.append(len(orders))
        return share(self, orders)

    monkeypatch.setattr(WorkerPool, "share", noting)
    began = time.monotonic()
    seconds = pool.together(period_of(TINY))
    assert given == [2]
    assert 0 < seconds < time.monotonic() - began - crews.LEAD + 0.01


def test_orders_are_shared_out_and_reports_come_back_in_their_order(pool: WorkerPool) -> None:
    wide = TrainConfig(epochs=1, model=ModelConfig(blocks=0, hidden_layers=4, hidden_units=2048), optim=TINY.optim)
    orders = [period_of(TINY), period_of(wide), period_of(TINY)]
    reports = pool.share(orders)
    assert {report.worker for report in reports} == {0, 1}
    seconds = [report.metrics["cpu_seconds"] or 0 for report in reports]
    assert seconds[1] == max(seconds) > 0


def test_the_machine_is_this_one_in_the_precision_asked_for(pool: WorkerPool) -> None:
    assert (pool.machine.precision, pool.machine.gpu) == ("fp32", None)


def test_a_worker_that_fails_is_one_sentence(pool: WorkerPool) -> None:
    with pytest.raises(WorkerError, match=r"^A worker failed during the measurement: KeyError: 'config'$"):
        pool.share([{}])


@pytest.mark.slow
def test_a_device_that_is_not_there_starts_nothing() -> None:
    with (
        pytest.raises(DeviceError, match="cuda:99"),
        open_worker_pool(workers=1, device="cuda:99", precision="auto", train_images=1, validation_images=1),
    ):
        pass
