"""Random generators, one per purpose: a draw for one purpose never changes those for another."""

from __future__ import annotations

import torch

from search.hashed import Name, Purpose, derived_seed


def seeded(seed: int, *purpose: int | Purpose | Name, device: str = "cpu") -> torch.Generator:
    """Return a generator whose stream depends on the seed and the purpose alone."""
    return torch.Generator(device).manual_seed(derived_seed(seed, *purpose))
