"""Nets that a user may have written, as the text of files."""

from __future__ import annotations

from pathlib import Path

_HEAD = """
from dataclasses import dataclass, field
from typing import Annotated, Literal
import numpy as np
import torch
from annotated_types import Ge, Le, Lt
from torch import nn

def head(width, input_shape, classes, *more):
    channels, rows, columns = input_shape
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.ReLU(), *more, nn.AdaptiveAvgPool2d(4), nn.Flatten(),
        nn.Linear(16 * width, classes),
    )
"""


def built(*lines: str) -> str:
    """Return the text of a file whose function `build` has these lines."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"{_HEAD}\ndef build(settings, input_shape, classes):\n{body}"


GOOD = f"""{_HEAD}
@dataclass(frozen=True)
class Settings:
    width: Annotated[int, Ge(2), Le(64)] = 4
    \"\"\"Feature maps.\"\"\"
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.3
    kind: Literal["plain", "normed"] = "normed"

def build(settings: Settings, input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    if settings.width == 5:
        raise ValueError("five is no width")
    normed = [nn.BatchNorm2d(settings.width)] if settings.kind == "normed" else []
    return head(settings.width, input_shape, classes, *normed, nn.Dropout(settings.dropout))
"""
"""Draws with PyTorch's own dropout and initialisation."""
UNTYPED = built('return head(settings.get("width", 4), input_shape, classes)')
CLASS = f"""{_HEAD}
class Net(nn.Module):
    def __init__(self, settings: dict, input_shape, classes):
        super().__init__()
        self.first = nn.LazyLinear(8)
        self.last = nn.Linear(8, 8)
        self.last.weight = nn.Parameter(self.last.weight)
        self.tied = nn.Linear(8, 8)
        self.tied.weight = self.last.weight
        self.out = nn.Linear(8, classes)

    def forward(self, pictures):
        hidden = torch.relu(self.first(pictures.view(len(pictures), -1)))
        return self.out(self.tied(self.last(hidden)))
"""
"""A class; with a layer that waits for its input, a weight used twice, and a `view` of the pictures."""
TWO_NAMES = built(
    "layer = nn.Linear(8, 8)",
    "return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), layer, nn.ReLU(), layer, nn.Linear(8, classes))",
)
"""Holds a layer under two names."""
FROZEN = built("net = head(4, input_shape, classes)", "net[0].weight.requires_grad_(False)", "return net")
"""Its convolution keeps the kernels that it starts with."""
SKIPPING = f"""{_HEAD}
class Skipping(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.first, self.skipped, self.last = nn.LazyLinear(8), nn.Linear(8, 8), nn.Linear(8, classes)
        self.calls = 0

    def forward(self, pictures):
        hidden = torch.relu(self.first(pictures.flatten(1)))
        self.calls += self.training
        return self.last(hidden + torch.relu(self.skipped(hidden)) if self.calls % 2 == 0 else hidden)

def build(settings, input_shape, classes):
    return Skipping(classes)
"""
"""One of its layers has its first gradient in the second step."""
TABLED = f"""{_HEAD}
class Shift(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.linspace(0, 1, 4000), persistent=False)

    def forward(self, inputs):
        return inputs + self.table.mean()

def build(settings, input_shape, classes):
    return head(4, input_shape, classes, Shift())
"""
"""Has a buffer that is always the same and that its state leaves out, larger than all its weights."""
NOTHING = f"""{_HEAD}
@dataclass(frozen=True)
class Settings:
    pass

def build(settings: Settings, input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return head(4, input_shape, classes)
"""
"""Declares that it has no settings."""
LISTED = built(
    'widths = [784] + settings["widths"] + [classes]',
    "return nn.Sequential(nn.Flatten(), *(nn.Linear(one, other) for one, other in zip(widths, widths[1:])))",
)
"""Adds to a list that is given."""
LATE = f"""{_HEAD}
class Late(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.first, self.late, self.last = nn.LazyLinear(8), nn.Linear(8, 8), nn.Linear(8, classes)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, pictures):
        hidden = torch.relu(self.first(pictures.flatten(1)))
        if self.training:
            self.steps += 1
        return self.last(hidden + torch.relu(self.late(hidden)) if self.steps > 11 else hidden)

def build(settings, input_shape, classes):
    return Late(classes)
"""
"""One of its layers has its first gradient in the twelfth step."""
OPTIONAL = f"""{_HEAD}
@dataclass(frozen=True)
class Settings:
    width: int | None = 16
    tags: tuple[int, ...] = (3,)

def build(settings: Settings, input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return head(settings.width or 4, input_shape, classes, *(nn.Dropout(tag / 10) for tag in settings.tags))
"""
"""Its settings may be null and an empty list, which are not their defaults."""
COLOUR_ONLY = built(
    "if input_shape[0] != 3:", '    raise ValueError("colour only")', "return head(4, input_shape, classes)"
)
THREE_CHANNELS = built(
    "return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, classes))"
)
"""Takes pictures of three channels, whatever it is told, and fails where it is given others."""
STRIDED = built(
    'width, kernel = settings.get("width", 4), settings["kernel"]',
    "first = nn.Conv2d(input_shape[0], width, kernel, stride=2)",
    "return nn.Sequential(first, nn.ReLU(), head(width, (width, 9, 9), classes))",
)
"""Has a convolution with a stride, of any kernel."""
UNSEEDED = f"""{_HEAD}
draws = np.random.default_rng()

def build(settings, input_shape, classes):
    net = head(4, input_shape, classes)
    with torch.no_grad():
        net[0].weight.mul_(float(draws.uniform(0.9, 1.1)))
    return net
"""
"""Draws from a generator of its own, which nobody seeds."""
COUNTING = f"""{_HEAD}
class Warm(nn.Module):
    def __init__(self):
        super().__init__()
        self.seen = 0

    def forward(self, inputs):
        self.seen += 1
        return inputs * min(1.0, self.seen / 100)

def build(settings, input_shape, classes):
    return head(4, input_shape, classes, Warm())
"""
"""Counts its steps in an attribute, which no state holds."""
SHARING = (
    COUNTING.replace("self.seen", "Warm.seen")
    .replace("        Warm.seen = 0\n", "")
    .replace("class Warm(nn.Module):", "class Warm(nn.Module):\n    seen = 0\n")
)
"""Counts its steps in the class, which all nets of a process share."""
HASHING = built(
    "net = head(4, input_shape, classes)",
    "with torch.no_grad():",
    '    net[0].weight.mul_(1 + (hash("a text") % 97) / 97)',
    "return net",
)
"""Starts from the hash of a text, which is another in every process."""
PROJECTING = f"""{_HEAD}
class Project(nn.Module):
    def __init__(self):
        super().__init__()
        self.matrix = torch.randn(4, 4)

    def forward(self, inputs):
        return torch.einsum("nchw,cd->ndhw", inputs, self.matrix.to(inputs.dtype))

def build(settings, input_shape, classes):
    return head(4, input_shape, classes, Project())
"""
"""Keeps what it draws while it is built in an attribute, which no file of weights holds."""
FAULTY = f"""{_HEAD}
class Late(nn.Module):
    def forward(self, inputs):
        return inputs if len(inputs) == 2 else inputs.no_such_thing

def build(settings, input_shape, classes):
    return head(4, input_shape, classes, Late())
"""
"""Can be counted and cannot be trained."""
RAISING = built('raise LookupError("no such layer")')
NO_NET = built("return 7")
NO_WEIGHTS = built("return head(4, input_shape, classes).requires_grad_(False)")
BF16 = built(
    "net = head(4, input_shape, classes)",
    'net.register_buffer("scale", torch.ones(1, dtype=torch.bfloat16))',
    "return net",
)
NO_LOGITS = built("return head(4, input_shape, classes + 1)")


def write(folder: Path, text: str, name: str = "my_nets.py") -> str:
    """Write a file of code and return the name of its net."""
    path = folder / name
    path.write_text(text)
    return f"{path}:{'Net' if 'class Net' in text else 'build'}"
