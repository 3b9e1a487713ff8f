"""A function in a cell of a notebook as an objective, in a real kernel."""

from __future__ import annotations

from pathlib import Path

import nbclient
import nbformat
import pytest

pytestmark = pytest.mark.integration

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


def executed(results: Path) -> str:
    """Run a notebook with a search from its first cell to its last, and return the digest."""
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in (f"RESULTS = {str(results)!r}", *CELLS)]
    )
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    outputs = book.cells[-1].outputs
    assert [output.output_type for output in outputs] == ["stream"]
    return str(outputs[0].text).strip()


def test_a_notebook_that_is_executed_twice_has_one_digest(tmp_path: Path) -> None:
    digests = {executed(tmp_path / name) for name in ("first", "second")}
    assert len(digests) == 1
    assert len(digests.pop()) == 64
