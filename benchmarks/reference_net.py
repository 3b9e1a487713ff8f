"""Train the reference net for 1, 3 and 6 epochs and report its test accuracy and its seconds an epoch.

Run as `python benchmarks/reference_net.py [EPOCHS ...]`. It trains on all 60,000 images; each run opens the test
set through its door and says so in results/test-openings.jsonl.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from mnist_bench import numerics
from mnist_bench.config import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.data import DataOptions, open_test_set
from mnist_bench.data.tensors import load_dataset, with_evaluation_images
from mnist_bench.evaluate import evaluate
from mnist_bench.train import fit
from mnist_bench.weights import export, load_model

LEDGER = Path("results/test-openings.jsonl")
MODEL = ModelConfig(blocks=2, filters=(24, 32), kernel_size=(5, 3), hidden_layers=1, hidden_units=256)
AUGMENT = AugmentConfig(rotation_degrees=10, zoom=0.1, shear_radians=0.1, translate_pixels=1.5)
OPTIM = OptimConfig(lr=1e-2, beta1=0.7, beta2=0.9, batch_size=256, schedule="one_cycle", warmup_fraction=0.2)


def main(budgets: list[int]) -> None:
    """Train once for each budget of epochs and print one line each."""
    device = numerics.setup("auto")
    precision = numerics.choose_precision(device, "auto")
    data = load_dataset(DataOptions(), device)
    for epochs in budgets:
        config = TrainConfig(epochs=epochs, train_on="all", model=MODEL, augment=AUGMENT, optim=OPTIM)
        result = fit(config, 0, data, precision)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "weights.safetensors"
            path.write_bytes(export(result.state, config))
            model = load_model(path).to(device)
        test = open_test_set(DataOptions(), purpose=f"reference net, {epochs} epochs", ledger=LEDGER)
        accuracy = evaluate(model, with_evaluation_images(data, test), precision).accuracy
        seconds = sum(report.seconds for report in result.reports) / epochs
        print(f"{epochs} epochs: {accuracy:.2%} test accuracy, {seconds:.1f} s an epoch on {device} ({precision})")


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [1, 3, 6])
