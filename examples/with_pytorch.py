"""PyTorch: a plain loop with a report per epoch. A small network learns on which of two spirals a point lies."""

import torch
from torch import nn, optim

import search

SIDE, TURN = torch.arange(1000) % 2, 1 + 7 * torch.rand(1000, generator=torch.Generator().manual_seed(0))
POINTS = torch.stack([TURN * torch.cos(TURN + torch.pi * SIDE), TURN * torch.sin(TURN + torch.pi * SIDE)], dim=1) / 8


def objective(config):
    net = nn.Sequential(nn.Linear(2, config.units), nn.ReLU(), nn.Linear(config.units, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = optim.Adam(net.parameters(), lr=config.lr)
    for _epoch in range(8):
        for batch in torch.randperm(800).split(20):  # the other 200 points are for validation
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(POINTS[batch]), SIDE[batch]).backward()
            optimizer.step()
        yield (net(POINTS[800:]).argmax(dim=1) == SIDE[800:]).float().mean()


space = {"name": "pytorch", "lr": {"float": [1e-4, 1e-1], "log": True}, "units": {"int": [8, 128], "log": True}}
print(search.run(objective, space, trials=12, periods=8, workers=2).best.params)
