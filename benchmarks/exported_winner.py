"""Check that every form of an exported network gives the same labels on all validation images.

    mnist-bench export conv-0 --to winner
    python benchmarks/exported_winner.py winner --output results/published/conv

ONNX Runtime, net.py alone and the page in a real Chromium each read the 10,000 validation images of MNIST, and are set
compared with the net in float32 as `mnist_bench.load_model` runs it. Images whose two best logits differ by 0.01 or
less are counted apart: there rounding decides. Needs onnxruntime, selenium and Chromium with its driver.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import util
from pathlib import Path
from typing import Any

import frame
import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from mnist_bench import load_model
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import load_dataset

CLOSE = 0.01
"""Logits: if the two best differ by no more, rounding decides which one comes first."""
AT_ONCE = 500
"""Pictures that the page is given at a time."""
READ = """
const done = arguments[arguments.length - 1], pictures = arguments[0];
unpack(JSON.parse(document.querySelector("script.net").textContent))
  .then((net) => done(pictures.map((picture) => Array.from(probabilities(net, picture)))));
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class FormRow:
    """The answers of one form of the net, compared with those of the float32 net."""

    form: str
    same: int
    """Equal labels among the images that are clear."""
    clear: int
    others_same: int
    """Equal labels among the others."""
    others: int
    largest: float
    """Largest difference of a probability."""


def by_onnx(folder: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """Return the probabilities (N, 10) of ONNX Runtime."""
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    return np.asarray(session.run(None, {"pictures": pictures})[0])


def by_plain_net(folder: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """Return the probabilities (N, 10) of net.py, which knows nothing of this package."""
    spec = util.spec_from_file_location("net", folder / "net.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{folder}: there is no net.py.")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with torch.inference_mode():
        return np.asarray(module.load()(torch.from_numpy(pictures)).softmax(1))


def in_chromium(folder: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """Return the probabilities (N, 10) of draw.html in a browser."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    # Named here, for Selenium would ask the network for it.
    chromium, chromedriver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if chromium is None or chromedriver is None:
        raise SystemExit("Chromium and its driver are needed: apt-get install chromium chromium-driver.")
    options.binary_location = chromium
    driver = webdriver.Chrome(options, Service(chromedriver))
    try:
        driver.set_script_timeout(600)
        driver.get((folder / "draw.html").resolve().as_uri())
        parts = [driver.execute_async_script(READ, part) for part in _parts(pictures)]
    finally:
        driver.quit()
    return np.concatenate([np.array(part) for part in parts])


def _parts(pictures: NDArray[np.float32]) -> Iterator[list[list[float]]]:
    flat = pictures.reshape(len(pictures), -1)
    return (flat[start : start + AT_ONCE].tolist() for start in range(0, len(flat), AT_ONCE))


FORMS: Mapping[str, Callable[[Path, NDArray[np.float32]], NDArray[Any]]] = {
    "model.onnx by ONNX Runtime": by_onnx,
    "net.py alone": by_plain_net,
    "draw.html in Chromium": in_chromium,
}


def compare(folder: Path) -> list[FormRow]:
    """Return a row for each form of the net in an export's folder."""
    data = load_dataset(DataOptions(), torch.device("cpu"))
    pictures = data.pixels(data.validation).numpy()
    expected = load_model(folder).probabilities(pictures)
    best = np.sort(np.log(np.maximum(expected, np.finfo(float).tiny)), 1)
    clear = best[:, -1] - best[:, -2] > CLOSE
    rows = []
    for form, probabilities in FORMS.items():
        found = probabilities(folder, pictures)
        same = found.argmax(1) == expected.argmax(1)
        row = FormRow(
            form=form, same=int(same[clear].sum()), clear=int(clear.sum()), others_same=int(same[~clear].sum()),
            others=int((~clear).sum()), largest=float(np.abs(found - expected).max()),
        )  # fmt: skip
        rows.append(row)
    return rows


def page(folder: Path, rows: list[FormRow], made: frame.Made) -> Iterator[str]:
    """Yield the lines of the page that is published."""
    record = json.loads((folder / "RECORD.json").read_text())
    name, weights = f"{record['study']}/{record['trial']}", record["curve"][-1]["weights"][:16]
    yield from (f"# {name}, exported: the same labels everywhere", "")
    yield from (f"`mnist-bench export {name} --to winner`, then {made} Weights {weights}…", "")
    yield (
        "Labels equal to those of the net in float32, on the 10,000 validation images; images whose two best "
        f"logits differ by {CLOSE} or less stand apart."
    )
    yield ""
    yield from frame.table(
        ["form", "equal labels:", "of the others:", "largest difference of a probability:"],
        (
            (row.form, f"{row.same:,} of {row.clear:,}", f"{row.others_same} of {row.others}", f"{row.largest:.1e}")
            for row in rows
        ),
    )


def main() -> int:
    """Compare, print and write; exit code 1 if a clear image has another label."""
    parser = frame.options(__doc__)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    rows = compare(asked.folder)
    made = frame.made(precision="fp32", packages=["onnxruntime"])
    figures = {**asdict(made), "rows": [asdict(row) for row in rows]}
    frame.publish(asked.output, "exported", page(asked.folder, rows, made), figures)
    return 0 if all(row.same == row.clear for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
