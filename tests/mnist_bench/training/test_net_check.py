"""If your own network does not repeat, the check finds it and names how it shows."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.config.settings import TrainConfig
from mnist_bench.nets.own_net import load_net
from mnist_bench.picture_form import MNIST
from mnist_bench.training import net_check
from search.errors import PluginError, UsageError
from support import own_nets

NOT_A_NUMBER = own_nets.CLASS.replace("return self.out(", 'return float("nan") * self.out(')
ROOTED = own_nets.CLASS.replace("last(hidden)", "last((hidden + 1e-3).sqrt())")
OF_FLOAT32, OF_BFLOAT16 = (
    own_nets.CLASS.replace("last(hidden)", f"last(hidden.abs().sqrt() if hidden.dtype == torch.{kind} else hidden)")
    for kind in ("float32", "bfloat16")
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (own_nets.GOOD, None),
        (own_nets.CLASS, None),
        (own_nets.TWO_NAMES, None),
        (own_nets.UNSEEDED, "trained again, it gives different "),
        (own_nets.SHARING, "trained again, it gives different "),
        (own_nets.COUNTING, "without a restore, it gives different weights after report 2"),
        (own_nets.HASHING, "in another process, it gives different "),
        (own_nets.PROJECTING, "from weights alone, it gives different logits, so it draws"),
    ],
)
def test_what_does_not_repeat_is_refused_by_the_first_way_that_shows_it(
    tmp_path: Path, text: str, words: str | None
) -> None:
    net = load_net(own_nets.write(tmp_path, text))
    with nullcontext() if words is None else pytest.raises(UsageError, match=f"is not repeatable: {words}"):
        net_check.require(net, {}, MNIST)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "settings", "words"),
    [
        (ROOTED, [{}], r"torch\.sqrt depends on the processor\. Use"),
        (own_nets.STRIDED, [{"kernel": 3}, {"kernel": 4}], None),
        (
            own_nets.STRIDED,
            [{"kernel": 3, "width": 4}, {"kernel": 5, "width": 4}],
            r"torch\.conv2d with a stride and a kernel of 5 pixels or more depends on the processor with kernel=5\.",
        ),
        (OF_FLOAT32, [{}], r"torch\.sqrt depends"),
        (OF_BFLOAT16, [{}], None),
    ],
)
def test_what_depends_on_the_processor_in_float32_is_named_with_the_settings_with_which_it_does(
    tmp_path: Path, text: str, settings: list[dict[str, Any]], words: str | None
) -> None:
    net = load_net(own_nets.write(tmp_path, text))
    with nullcontext() if words is None else pytest.raises(UsageError, match=f"cannot be portable: {words}"):
        net_check.require_portable(net, settings, MNIST)


@pytest.mark.slow
def test_where_a_search_does_not_repeat_the_weights_alone_have_to_make_the_net(tmp_path: Path) -> None:
    net_check.require(load_net(own_nets.write(tmp_path, own_nets.COUNTING)), {}, MNIST, repeats=False)
    with pytest.raises(UsageError, match="register_buffer keeps such values with the weights"):
        net_check.require(load_net(own_nets.write(tmp_path, own_nets.PROJECTING)), {}, MNIST, repeats=False)


@pytest.mark.slow
def test_what_it_raises_in_training_is_told_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_nets.write(tmp_path, own_nets.FAULTY)
    monkeypatch.chdir(tmp_path)
    net = load_net("my_nets.py:build")
    with pytest.raises(PluginError, match=r"raised AttributeError: .*no_such_thing.* \(.*my_nets\.py:\d+\)"):
        net_check.require(net, {}, MNIST)


@pytest.mark.parametrize(("text", "same"), [(own_nets.CLASS, True), (NOT_A_NUMBER, True), (own_nets.PROJECTING, False)])
def test_the_weights_alone_make_a_net_even_one_whose_logits_are_no_numbers(
    tmp_path: Path, text: str, same: bool
) -> None:
    net = load_net(own_nets.write(tmp_path, text))
    trainer = net_check.trainer_on_made_up(net.loaded.whole_name, asdict(MNIST))
    assert net_check.is_its_weights(TrainConfig(net_code=net.code), trainer) == same
