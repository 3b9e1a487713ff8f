"""The screen of settings: its design, and the effects that it finds."""

from __future__ import annotations

import lever_screen
import levers
import numpy as np
import pytest

from search.errors import UsageError

SCREEN = lever_screen.Screen(
    recipe="ladder/99.4", assignments=(), first_seed=0,
    levers={name: (f"optim.{name}=1",) for name in ("a", "b", "c", "d", "e", "f", "g")},
)  # fmt: skip


def test_no_two_effects_of_the_design_are_mixed() -> None:
    signs = lever_screen.design(7).astype(int)
    pairs = [signs[:, one] * signs[:, two] for one in range(7) for two in range(one)]
    columns = np.column_stack([np.ones(64, int), signs, *pairs])
    assert (columns.T @ columns == 64 * np.eye(29)).all()


def test_a_training_is_named_after_its_levers() -> None:
    found = lever_screen.names(SCREEN)
    assert found[0] == "g"
    assert found[1] == "a"
    assert found[63] == "a + b + c + d + e + f + g"


def test_effects_are_found_with_intervals_that_hold_them() -> None:
    signs = lever_screen.design(7).astype(float)
    noise = np.random.default_rng(0).normal(0, 4, 64)
    errors = 50 - 3 * signs[:, 0] + 2 * signs[:, 1] * signs[:, 2] + noise
    seconds = 8 * 1.2 ** ((signs[:, 3] + 1) / 2)
    found = {effect.levers: effect for effect in lever_screen.effects(SCREEN, errors, seconds)}
    assert len(found) == 28
    assert found["a",].low < -6 < found["a",].high < 0
    assert found["b", "c"].low < 4 < found["b", "c"].high
    assert found["a",].p_value < 0.001 < 0.05 < found["g",].p_value
    assert found["d",].seconds == pytest.approx(1.2)
    assert found["a",].seconds == pytest.approx(1)


def test_a_lever_that_changes_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match="same: changes nothing in former"):
        levers.configs("former/0.2/ladder/99.4", (), {"same": ("optim.optimizer=adam",)})
