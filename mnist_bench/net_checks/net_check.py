"""Check your own network: several ways of training it have to give the same bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mnist_bench.net_checks.short_training import Outcome, ShortTraining
from mnist_bench.net_checks.trained_elsewhere import trained_elsewhere
from mnist_bench.own_nets import own_net
from mnist_bench.own_nets.own_net import OwnNet
from mnist_bench.picture_form import PictureForm
from search.errors import UsageError
from search.messages import listing, show

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


def require(net: OwnNet, settings: Mapping[str, Any], form: PictureForm, *, repeats: bool = True) -> None:
    """Check in a few seconds, on made-up images, that a net gives the same bits in every way.

    Even if the search does not repeat, the weights alone have to restore the net: else it keeps no net.

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
                raise _refusal(net, name, _difference(first, again), reason, arrival)
        if not training.from_weights_alone():
            name, reason = FROM_WEIGHTS
            kept = "register_buffer keeps such values with the weights"
            raise _refusal(net, name, "different logits", reason, kept)


def require_portable(net: OwnNet, settings: Sequence[Mapping[str, Any]], form: PictureForm) -> None:
    """Check, on made-up images, that the bits of a net do not depend on the processor with any of these settings.

    Raises:
        UsageError: they do; the message names the operations.
        PluginError: the net raises.
    """
    for each in settings:
        with net.loaded.blamed():
            depending = ShortTraining(net=net.loaded.whole_name, settings=each, form=form).unportable()
        if depending:
            own = [f"{name}={show(value)}" for name, value in each.items() if settings[0].get(name) != value]
            where = f" with {', '.join(own)}" if own else ""
            raise UsageError(
                f"Network {net.loaded.name} cannot be portable: {listing(depending)} depends on the processor{where}. "
                "Use another precision, or compute it in another way."
            )


def _refusal(net: OwnNet, way: str, what: str, reason: str, advice: str) -> UsageError:
    return UsageError(f"Network {net.loaded.name} is not repeatable: {way}, it gives {what}, so it {reason}; {advice}.")


def _difference(first: Outcome, again: Outcome) -> str:
    period = next(number for number, pair in enumerate(zip(first, again, strict=True), 1) if pair[0] != pair[1])
    return f"different weights after report {period}"
