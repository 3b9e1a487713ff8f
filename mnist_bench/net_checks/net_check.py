"""Check your own network: several ways of training it have to give the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mnist_bench.cells import count, percent
from mnist_bench.data.mnist import DataOptions
from mnist_bench.net_checks.short_training import PERIODS, Outcome, ShortTraining
from mnist_bench.net_checks.trained_elsewhere import trained_elsewhere
from mnist_bench.own_nets import building, own_net
from mnist_bench.own_nets.own_net import OwnNet
from mnist_bench.picture_form import PictureForm
from search.errors import PluginError, UsageError
from search.messages import command_line, in_a_sentence, listing, show
from search.repeatability.check import Checked, CheckRow

Way = Callable[[ShortTraining], Outcome]
WAYS: Mapping[str, tuple[str, Way]] = {
    "trained again": ("draws from a source of its own, or depends on what was trained before", ShortTraining.anew),
    "next to another trial": ("shares something with other networks of its process", ShortTraining.beside_another),
    "without a restore": ("keeps something outside its parameters and buffers", ShortTraining.without_restoring),
    "in another process": ("depends on the order of a set, on the environment or the time", trained_elsewhere),
}
"""Ways of training, and the fault of a net that gives different bits there."""
FROM_WEIGHTS = (
    "from weights alone",
    "draws while it is built what is neither a parameter nor a buffer that its state holds",
)
"""How an exported net is read, and why a net may then compute differently."""


def examine(net: OwnNet, settings: Sequence[Mapping[str, Any]], data: DataOptions) -> Checked:
    """Train a net a little in every way, on these images, and report whether all give the same bits.

    It is trained with the first of these settings. With all of them it is reported whether the bits are portable.

    Raises:
        ArchitectureError, ConfigError, PluginError: see `own_nets.counts`.
        DataError: the images cannot be loaded.
    """
    training = ShortTraining(net=net.loaded.whole_name, settings=settings[0], form=data.form, data=data)
    rows = (*_rows(training), _row_of_portability(net, settings, data.form))
    never = any(row.what == FROM_WEIGHTS[0] and not row.holds for row in rows)
    return Checked(name=net.loaded.name, kind="net", code=net.loaded.code, rows=rows, never=never)


def require(
    net: OwnNet, settings: Mapping[str, Any], form: PictureForm, *, repeats: bool = True, words: Sequence[str] = ()
) -> None:
    """Check in a few seconds, on made-up images, that a net gives the same bits in every way.

    Even if the search does not repeat, the weights alone have to restore the net: else it keeps no net.
    `words` are those with which `mnist-bench plugin check` tries it out on the space of the search.

    Raises:
        UsageError: it does not; the message explains why, and how to search with it if that is possible.
        PluginError: it raises.
    """
    training = ShortTraining(net=net.loaded.whole_name, settings=settings, form=form)
    with own_net.load_net(training.net).loaded.blamed():
        first = training.anew() if repeats else []
        for name, (reason, way) in WAYS.items() if repeats else ():
            if (again := way(training)) != first:
                arrival = "--order as-completed searches all the same, and its runs differ"
                raise _refusal(net, name, _difference(first, again), reason, arrival, words)
        if not training.from_weights_alone():
            name, reason = FROM_WEIGHTS
            kept = "register_buffer keeps such values with the weights"
            raise _refusal(net, name, "different logits", reason, kept, words)


def require_portable(net: OwnNet, settings: Sequence[Mapping[str, Any]], form: PictureForm) -> None:
    """Check, on made-up images, that the bits of a net do not depend on the processor with any of these settings.

    Raises:
        UsageError: they do; the message names the operations.
        PluginError: the net raises.
    """
    if found := _unportable(net, settings, form):
        raise UsageError(
            f"Network {net.loaded.name} cannot be portable: {found}. "
            "Use another precision, or compute it in another way."
        )


def _unportable(net: OwnNet, settings: Sequence[Mapping[str, Any]], form: PictureForm) -> str | None:
    """Return the operations that depend on the processor with the first settings that use one; None if none do.

    If these are not the first settings of all, the values that differ from those are named.
    """
    for each in settings:
        with net.loaded.blamed():
            depending = ShortTraining(net=net.loaded.whole_name, settings=each, form=form).unportable()
        if depending:
            own = [f"{name}={show(value)}" for name, value in each.items() if settings[0].get(name) != value]
            where = f" with {', '.join(own)}" if own else ""
            return f"{listing(depending)} depends on the processor{where}"
    return None


def _refusal(net: OwnNet, way: str, what: str, reason: str, advice: str, words: Sequence[str]) -> UsageError:
    command = command_line(["mnist-bench", "plugin", "check", net.loaded.whole_name, *words])
    return UsageError(
        f"Network {net.loaded.name} is not repeatable: {way}, it gives {what}, so it {reason}. "
        f"`{command}` reports more; {advice}."
    )


def _rows(training: ShortTraining) -> Iterator[CheckRow]:
    config, net = training.config, own_net.load_net(training.net)
    size = building.counts(str(config.net_code), config.net, training.form)
    yield CheckRow(
        what="can be built",
        holds=True,
        found=f"{count(size.parameters)} parameters, {count(size.macs)} MACs per image",
    )
    with net.loaded.blamed():
        first = training.anew()
    images = len(training.images.validation)
    wrong, end = first[-1][-2], first[-1][-1]
    learnt = f"{percent(1 - wrong / images)} of {images:,} validation images" if end is None else str(end)
    yield CheckRow(what=f"trains for {PERIODS} epochs", holds=end is None, found=learnt)
    for name, (reason, way) in WAYS.items():
        try:
            with net.loaded.blamed():
                again = way(training)
        except PluginError as error:
            yield CheckRow(what=name, holds=False, found=in_a_sentence(error))
            continue
        same = again == first
        yield CheckRow(
            what=name, holds=same, found="bit-identical" if same else f"{_difference(first, again)}: it {reason}"
        )
    with net.loaded.blamed():
        same = training.from_weights_alone()
    what, reason = FROM_WEIGHTS
    yield CheckRow(what=what, holds=same, found="same logits" if same else f"different logits: it {reason}")


def _row_of_portability(net: OwnNet, settings: Sequence[Mapping[str, Any]], form: PictureForm) -> CheckRow:
    depending = _unportable(net, settings, form)
    found = f"no: {depending}" if depending else "yes, as far as was tried"
    return CheckRow(what="in portable precision", holds=True, found=found)


def _difference(first: Outcome, again: Outcome) -> str:
    period = next(number for number, pair in enumerate(zip(first, again, strict=True), 1) if pair[0] != pair[1])
    return f"different weights after report {period}"
