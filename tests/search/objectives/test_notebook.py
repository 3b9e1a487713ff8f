"""A function in a cell of a notebook as an objective, in a real kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.sources import execute

pytestmark = [pytest.mark.integration, pytest.mark.cold]

CELLS = (
    "import numpy as np\nimport torch\nimport search\ntorch.randn(400, 400) @ torch.randn(400, 400)",
    """
def objective(config):
    weights = torch.randn(300, 300)
    for epoch in range(3):
        weights = config.rate * weights @ weights / weights.norm()
        print("an epoch")
        yield float(weights.norm()) + 1e-3 * np.random.rand()
""",
    """
study = search.run(objective, {"rate": {"float": [0.1, 1.0]}}, trials=8, periods=3, workers=2, results=RESULTS)
print(study.digest)
""",
)


def digest(folder: Path) -> str:
    folder.mkdir()
    sources = (f"RESULTS = {str(folder / 'results')!r}", *CELLS)
    cells: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    (folder / "book.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    execute(folder / "book.ipynb", folder / "executed.ipynb")
    *_, output = json.loads((folder / "executed.ipynb").read_text())["cells"][-1]["outputs"]
    return "".join(output["text"]).strip()


def test_a_notebook_that_is_executed_twice_has_one_digest(tmp_path: Path) -> None:
    digests = {digest(tmp_path / name) for name in ("first", "second")}
    assert len(digests) == 1
    assert len(digests.pop()) == 64
