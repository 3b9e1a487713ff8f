"""Bits that were kept say something where the canary is that of then, and PyTorch's release, too: what was kept before
there was a second canary is not told apart otherwise."""

from __future__ import annotations

import torch


def release(version: str) -> tuple[str, ...]:
    """Return what names a release: of "2.13.0+cpu" 2 and 13.

    >>> release("2.13.0+cpu")
    ('2', '13')
    """
    return tuple(version.split(".")[:2])


def is_that_of(version: str) -> bool:
    """Return whether PyTorch is of the same release here."""
    return release(str(torch.__version__)) == release(version)
