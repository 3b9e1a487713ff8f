"""What an export says of pictures: its ONNX file, its net.py and its page, each computed by the program it is for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from mnist_bench.export import export_folder
from support import wants
from support.paths import TESTS

needs_node = pytest.mark.skipif(not (shutil.which("node") or os.environ.get("CI")), reason=wants.NODE)


def by_onnx(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """Return what ONNX Runtime computes: probabilities (N, classes) of pictures (N, C, H, W), 0 to 255."""
    session = onnxruntime.InferenceSession(exported / export_folder.ONNX)
    return np.asarray(session.run(None, {"pictures": pictures})[0])


def plain_net(exported: Path) -> Any:
    """Return an export's net.py as a module."""
    spec = util.spec_from_file_location("net", exported / export_folder.NET)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_plain_net(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """Return what net.py computes, as `by_onnx` does."""
    with torch.inference_mode():
        return np.asarray(plain_net(exported).load()(torch.from_numpy(pictures)).softmax(1))


def in_node(exported: Path, pictures: NDArray[Any], grey: list[NDArray[Any]]) -> dict[str, Any]:
    """Return what the page computes in Node: of prepared pictures "probabilities", "prepared" of grey ones (H, W)."""
    given = {
        "prepared": [picture.ravel().tolist() for picture in pictures],
        "grey": [{"rows": len(g), "columns": len(g[0]), "pixels": g.ravel().tolist()} for g in grey],
    }
    (exported / "pictures.json").write_text(json.dumps(given))
    command = ["node", str(TESTS / "support" / "run_page.js"), str(exported / export_folder.PAGE)]
    done = subprocess.run([*command, str(exported / "pictures.json")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def by_page(exported: Path, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """Return what the page computes, as `by_onnx` does; what is drawn has no colour."""
    return np.array(in_node(exported, pictures[:, :1], [])["probabilities"])


WAYS = [by_onnx, by_plain_net, pytest.param(by_page, marks=needs_node)]
