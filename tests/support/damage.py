"""Damage to a file, as disks and transfers do it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

KINDS = st.sampled_from(["flip", "cut", "zero", "append"])


def damage(path: Path, kind: str, data: st.DataObject) -> None:
    """Flip a bit of a file, cut it off, write zeros into it, or add to it, at a place that `data` draws."""
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    match kind:
        case "flip":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del content[at:]
        case "zero":
            at = min(at, len(content) - 8)
            content[at : at + 8] = bytes(8)
        case "append":
            content += b"x"
    path.write_bytes(bytes(content))
