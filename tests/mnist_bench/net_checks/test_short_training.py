"""What the ways of training a net a little come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.net_checks.short_training import ShortTraining
from mnist_bench.own_nets.own_net import load_net
from mnist_bench.picture_form import MNIST
from support import own_nets

NOT_A_NUMBER = """
from torch import nn

class Net(nn.Module):
    def __init__(self, settings, input_shape, classes):
        super().__init__()
        self.head = nn.Linear(784, classes)

    def forward(self, pictures):
        return self.head(pictures.flatten(1)) * float("nan")

"""


@pytest.mark.parametrize(("text", "same"), [(own_nets.CLASS, True), (NOT_A_NUMBER, True), (own_nets.PROJECTING, False)])
def test_the_weights_alone_make_a_net_even_one_whose_logits_are_no_numbers(
    tmp_path: Path, text: str, same: bool
) -> None:
    name = load_net(own_nets.write(tmp_path, text)).loaded.whole_name
    assert ShortTraining(net=name, settings={}, form=MNIST).from_weights_alone() == same
