"""Training is a pure function of configuration, seed, period, state and data."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import load
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, Optimizer, Phase, TrainConfig
from mnist_bench.config.values import from_json, to_json, with_params
from mnist_bench.data.tensors import Dataset
from mnist_bench.nets.modules import build_model, build_net, set_dropout_generator
from mnist_bench.nets.own_net import load_net
from mnist_bench.numerics.operations import best_precision, seeded
from mnist_bench.training import period as train
from mnist_bench.training.batches import batches
from mnist_bench.training.period import advance, make_learner, rates_at, train_step
from mnist_bench.training.trainer import TorchTrainer, fit
from search.errors import PluginError
from search.trainer_api import Report
from support import own_nets, wants

PRECISION = best_precision(torch.device("cpu"))


def facts(report: Report) -> tuple[object, ...]:
    """Return all of a report but its time."""
    return (report.value, dict(report.metrics), report.weights, report.end, dict(report.details))


def run(config: TrainConfig, data: Dataset, seed: int = 1) -> list[Report]:
    """Return the reports of a whole training."""
    return list(fit(TorchTrainer(data, PRECISION), config, seed).reports)


def after(periods: int, config: TrainConfig, data: Dataset) -> dict[str, Tensor]:
    """Return the state after the first periods in float32."""
    state = None
    for period in range(1, periods + 1):
        state, _ = advance(config, 1, period, state, data, "fp32")
    return load(state or b"")


def with_optim(config: TrainConfig, **settings: object) -> TrainConfig:
    """Return `config` with settings of the optimizer."""
    return replace(config, optim=replace(config.optim, **settings))  # type: ignore[arg-type]


def own(config: TrainConfig, folder: Path, source: str, **settings: object) -> TrainConfig:
    """Return `config` with a net of somebody's own in place of the built-in one."""
    return replace(with_optim(config, **settings), net_code=load_net(own_nets.write(folder, source)).code)


def test_neither_another_training_nor_the_global_generator_matters_and_both_are_left_alone(
    config: TrainConfig, digits: Dataset
) -> None:
    torch.manual_seed(7)
    generator, images = torch.random.get_rng_state(), digits.images[digits.train].clone()
    alone = run(config, digits, seed=1)
    assert torch.equal(torch.random.get_rng_state(), generator)
    assert torch.equal(digits.images[digits.train], images)
    other, state = None, None
    for period in (1, 2):
        torch.rand(period)
        other, of_other = advance(with_optim(config, lr=0.1), 2, period, other, digits, PRECISION)
        state, report = advance(config, 1, period, state, digits, PRECISION)
        assert facts(report) == facts(alone[period - 1])
        assert of_other.weights != report.weights


@pytest.mark.parametrize(
    "change",
    [
        *({"optim.optimizer": name} for name in get_args(Optimizer)),
        {"augment.grid_pixels": 4},
        {"augment.grid_pixels": 4, "augment.grid_shift": 2.0},
        pytest.param(
            {"model.convs_per_block": 2, "model.convolutions": "separable", "model.final_pool": "mean"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_it_counts_and_repeats_and_may_be_cut_into_periods(
    plain: TrainConfig, digits: Dataset, change: dict[str, Any]
) -> None:
    changed = from_json(with_params(to_json(plain), change))
    first, second = (fit(TorchTrainer(digits, PRECISION), changed, 1) for _ in range(2))
    assert first.state == second.state
    assert list(map(facts, first.reports)) == list(map(facts, second.reports))
    cut, straight = (run(replace(changed, periods=ends), digits) for ends in ((0.25, 1.0, 1.5, 2.0), (2.0,)))
    assert cut[-1].weights == straight[-1].weights == first.reports[-1].weights
    assert cut[-1].metrics["errors"] == straight[-1].metrics["errors"]
    assert [report.metrics["epoch"] for report in cut] == [0.25, 1.0, 1.5, 2.0]
    assert (run(plain, digits)[-1].weights == straight[-1].weights) == (changed == plain)


@pytest.fixture(scope="module")
def unchanged(config: TrainConfig, digits: Dataset) -> dict[str, str]:
    """Return the hash of the weights to which one epoch comes, by the optimizer, with all else as it is."""
    names = ("adam", "muon")
    return {name: run(with_optim(replace(config, epochs=1), optimizer=name), digits)[-1].weights for name in names}


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 0.02},
        {"weight_decay": 0.0},
        {"label_smoothing": 0.0},
        {"ema_decay": 0.0},
        {"beta1": 0.8},
        {"epsilon": 1e-3},
        {"batch_size": 50},
        {"schedule": "one_cycle"},
        {"drops": 1, "first_drop_fraction": 0.5},
        {"cooldown_fraction": 0.5},
        {"optimizer": "muon", "filter_lr": 0.1},
        {"optimizer": "muon", "filter_norms": True},
        {"optimizer": "muon", "momentum": 0.5},
        {"optimizer": "muon", "lr": 0.02},
    ],
)
def test_every_setting_of_the_optimizer_counts(
    config: TrainConfig, digits: Dataset, unchanged: dict[str, str], change: dict[str, Any]
) -> None:
    changed = with_optim(replace(config, epochs=1), **change)
    assert run(changed, digits)[-1].weights != unchanged[changed.optim.optimizer]


def test_muon_trains_filters_by_their_own_rate_and_the_rest_by_sgd(plain: TrainConfig, digits: Dataset) -> None:
    one_step = {"lr": 0.1, "filter_lr": 0.5, "batch_size": 1000, "weight_decay": 0.0, "ema_decay": 0.0}
    one_epoch = replace(plain, epochs=1)
    muon, sgd = (
        after(1, with_optim(one_epoch, optimizer=optimizer, **one_step), digits)
        for optimizer in ("muon", "sgd_nesterov")
    )
    weights = dict(build_model(plain.model, seeded(1, "init")).named_parameters())
    last = [name for name, weight in weights.items() if weight.ndim > 1][-1]
    for name, start in weights.items():
        if start.ndim == 1 or name == last:
            assert torch.equal(muon[f"model.{name}"], sgd[f"model.{name}"])
        else:
            update = (start.detach() - muon[f"model.{name}"]).flatten(1) / 0.5
            assert float(torch.linalg.matrix_norm(update, 2)) == pytest.approx(1, abs=0.3)


def test_the_rate_of_the_filters_follows_the_schedule_and_the_phases() -> None:
    muon = OptimConfig(optimizer="muon", lr=0.01, filter_lr=0.2, schedule="one_cycle", batch_size=100)
    config = TrainConfig(epochs=3, optim=muon, phases=(Phase(epochs=2), Phase(epochs=1, lr=1e-3)))
    schedule = Schedule(config=config, images=1000)
    rates = [rates_at(schedule, step) for step in (0, 15, 29)]
    assert [rate.filter_lr for rate in rates] == pytest.approx([20 * schedule.lr(step) for step in (0, 15, 29)])
    assert rates[-1].filter_lr == pytest.approx(0.02)


def test_a_net_without_filters_is_trained_by_sgd_alone(plain: TrainConfig, digits: Dataset) -> None:
    linear = replace(plain, epochs=1, model=ModelConfig(blocks=0, hidden_layers=0))
    muon, sgd = (run(with_optim(linear, optimizer=name), digits)[-1].weights for name in ("muon", "sgd_nesterov"))
    assert muon == sgd


def test_it_learns(plain: TrainConfig, digits: Dataset) -> None:
    plain = with_optim(replace(plain, epochs=3), batch_size=50)
    reports = run(plain, digits)
    losses = [report.metrics["train_loss"] or math.inf for report in reports]
    assert losses == sorted(losses, reverse=True)
    assert reports[-1].value is not None
    assert reports[-1].value > 0.7
    assert reports[-1].value == 1 - reports[-1].metrics["errors"] / 200  # type: ignore[operator]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_loss_that_is_not_finite_ends_the_trial(plain: TrainConfig, digits: Dataset, precision: str) -> None:
    sgd = with_optim(plain, optimizer="sgd_nesterov", lr=10.0, momentum=0.99, batch_size=8, ema_decay=0.0)
    bare = replace(plain.model, batchnorm="none", hidden_batchnorm="none", activation="silu", hidden_activation="silu")
    wild = replace(sgd, model=bare)
    result = fit(TorchTrainer(digits, precision), wild, 1)  # type: ignore[arg-type]
    assert [report.end for report in result.reports] == ["diverged"]
    assert result.reports[0].value is None
    assert result.reports[0].metrics == {"epoch": 1.0, "train_loss": None, "val_loss": None, "errors": None}


@pytest.mark.parametrize(
    ("error", "is_lack"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("could not create a primitive"), True),  # oneDNN's, seen with RLIMIT_AS
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("a bug"), False),
        (RuntimeError("could not create a primitive descriptor for a convolution"), False),
    ],
)
def test_a_lack_of_memory_ends_the_trial(
    plain: TrainConfig, digits: Dataset, monkeypatch: pytest.MonkeyPatch, error: Exception, is_lack: bool
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(train, "train_step", fail)
    with nullcontext() if is_lack else pytest.raises(RuntimeError, match=str(error)):
        _, report = advance(plain, 1, 1, None, digits, PRECISION)
        assert (report.value, report.end) == (None, "out_of_memory")


def test_a_net_of_the_users_own_is_blamed_for_what_it_raises(
    plain: TrainConfig, digits: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(PluginError, match=r"^Net my_nets\.py:build raised AttributeError: .*my_nets\.py:\d+\)\.$"):
        advance(own(plain, tmp_path, own_nets.FAULTY), 1, 1, None, digits, PRECISION)


def test_a_state_of_another_place_is_refused(plain: TrainConfig, digits: Dataset) -> None:
    state, _ = advance(plain, 1, 1, None, digits, PRECISION)
    with pytest.raises(ValueError, match="the state is of"):
        advance(with_optim(plain, lr=0.5), 1, 2, state, digits, PRECISION)
    with pytest.raises(ValueError, match="the state is of"):
        advance(plain, 1, 1, state, digits, PRECISION)
    with pytest.raises(ValueError, match="period 2 needs the state"):
        advance(plain, 1, 2, None, digits, PRECISION)


def test_a_period_without_steps_has_no_training_loss(plain: TrainConfig, digits: Dataset) -> None:
    empty, whole = run(replace(plain, epochs=1, periods=(0.01, 1.0)), digits)
    assert empty.metrics["train_loss"] is None
    assert empty.value is not None
    assert whole.weights == run(replace(plain, epochs=1, periods=(1.0,)), digits)[0].weights


def test_weight_decay_shrinks_weights_and_spares_biases_and_batchnorm(plain: TrainConfig, digits: Dataset) -> None:
    one_step = {"optimizer": "sgd_nesterov", "lr": 0.1, "batch_size": 1000, "ema_decay": 0.0}
    decayed, kept = (after(1, with_optim(plain, weight_decay=decay, **one_step), digits) for decay in (0.5, 0.0))
    for name, start in build_model(plain.model, seeded(1, "init")).named_parameters():
        expected = kept[f"model.{name}"] - (0.05 * start.detach() if start.ndim > 1 else 0)
        torch.testing.assert_close(decayed[f"model.{name}"], expected)


@pytest.mark.parametrize("source", [own_nets.FROZEN, own_nets.TWO_NAMES, own_nets.CLASS])
def test_muon_trains_a_net_of_the_users_own(plain: TrainConfig, digits: Dataset, tmp_path: Path, source: str) -> None:
    config = replace(own(plain, tmp_path, source, optimizer="muon", filter_norms=True), epochs=1)
    first, second = (advance(config, 1, 1, None, digits, "fp32") for _ in range(2))
    assert first[0] == second[0]
    assert first[1].end is None


def test_weight_decay_spares_what_a_net_of_the_users_own_has_frozen(
    plain: TrainConfig, digits: Dataset, tmp_path: Path
) -> None:
    config = own(plain, tmp_path, own_nets.FROZEN, weight_decay=0.5, lr=0.1)
    first, second = (after(periods, config, digits) for periods in (1, 2))
    assert torch.equal(first["model.0.weight"], second["model.0.weight"])
    assert not torch.equal(first["model.4.weight"], second["model.4.weight"])


@pytest.mark.parametrize("optimizer", get_args(Optimizer))
@pytest.mark.parametrize(("source", "layer"), [(own_nets.SKIPPING, "skipped"), (own_nets.LATE, "late")])
def test_a_weight_may_have_its_first_gradient_in_a_later_step_or_period_than_others(
    plain: TrainConfig, digits: Dataset, tmp_path: Path, optimizer: str, source: str, layer: str
) -> None:
    config = own(plain, tmp_path, source, optimizer=optimizer, ema_decay=0.0, weight_decay=0.0)
    start = build_net(config, seeded(1, "init"), digits.form).state_dict()
    first = after(1, config, digits)
    has_moved = not torch.equal(start[f"{layer}.weight"], first[f"model.{layer}.weight"])
    kept = [name for name in first if name.startswith("optimizer.") and layer in name]
    assert (has_moved, bool(kept)) == ((True, True) if layer == "skipped" else (False, False))
    assert not torch.equal(start[f"{layer}.weight"], after(2, config, digits)[f"model.{layer}.weight"])


def test_each_epoch_shows_every_image_once_in_a_new_order(plain: TrainConfig, digits: Dataset) -> None:
    still = replace(plain, augment=AugmentConfig())
    shown = list(batches(Schedule(config=still, images=1000), digits, 1, range(20)))
    epochs = [torch.cat([batch.pixels for batch in shown[first : first + 10]]) for first in (0, 10)]
    everything = digits.normalise(digits.pixels(digits.train))
    assert not torch.equal(epochs[0], epochs[1])
    for epoch in epochs:
        assert torch.equal(epoch.flatten(1).sum(1).sort().values, everything.flatten(1).sum(1).sort().values)


def test_phases_change_what_is_trained_and_nothing_before_them(plain: TrainConfig, digits: Dataset) -> None:
    phases = (Phase(epochs=1), Phase(epochs=1, augment=AugmentConfig(), lr=1e-4))
    phased, straight = run(replace(plain, phases=phases), digits), run(plain, digits)
    assert phased[0].metrics == straight[0].metrics
    assert phased[1].weights != straight[1].weights


def test_training_on_all_images_trains_on_the_validation_part_too(plain: TrainConfig, digits: Dataset) -> None:
    everywhere = replace(plain, train_on="all", optim=replace(plain.optim, batch_size=600))
    assert (
        fit(TorchTrainer(digits, PRECISION), everywhere, 1).reports[-1].weights
        != run(replace(everywhere, train_on="search_split"), digits)[-1].weights
    )
    assert Schedule(config=everywhere, images=len(digits.training_on("all").train)).steps_in(0) == 2


WAITING = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}


class HostReads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Collects the operations whose result the host has to know before it goes on: there a GPU would be waited for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do the operation; see `TorchDispatchMode`."""
        waits = bool(WAITING & {*func.tags})
        if func is torch.ops.aten.index.Tensor:  # whose result has a known shape unless it is indexed by a mask
            waits = any(places is not None and places.dtype == torch.bool for places in args[1])
        if waits:
            self.found.add(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("optimizer", get_args(Optimizer))
def test_no_step_waits_for_its_result(config: TrainConfig, digits: Dataset, optimizer: str) -> None:
    config = with_optim(replace(config, epochs=3), optimizer=optimizer, hard_share=0.3, learned_share=0.5)
    schedule = Schedule(config=config, images=len(digits.train))
    learner = make_learner(schedule, seeded(1, "init"), digits.device, digits.form)
    set_dropout_generator(learner.model, seeded(1, "dropout", 1))
    with HostReads() as reads:
        for batch in batches(schedule, digits, 1, range(schedule.total_steps), learner.losses):
            loss = train_step(learner, schedule, batch, PRECISION)
        assert reads.found == set()
        float(loss)
        assert reads.found == {"aten._local_scalar_dense.default"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason=wants.CUDA)
def test_cuda_gives_the_same_bits_twice(config: TrainConfig) -> None:
    from mnist_bench.data.choice import DataOptions
    from mnist_bench.data.tensors import load_dataset
    from mnist_bench.numerics import device

    data = load_dataset(DataOptions(subset=1200), device.setup("cuda")[0])
    precision = best_precision(data.device)
    first, second = (fit(TorchTrainer(data, precision), config, 1) for _ in range(2))
    assert first.state == second.state
    assert list(map(facts, first.reports)) == list(map(facts, second.reports))
