"""Export a study's network, load it, and classify images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mnist_bench.api.arguments import OwnNetSource, as_path, chosen, several, used
from mnist_bench.export import export_folder
from mnist_bench.export.winner import WinnerOptions, load_winner
from mnist_bench.prediction.model import Model, Prediction, load_model as load_file
from mnist_bench.prediction.pictures import with_those_in_folders
from mnist_bench.value_kind import check_nets
from search.errors import UsageError
from search.event_log.records import TrialRecord
from search.messages import show
from search.study.studies import StoredStudy


def export(
    study: StoredStudy,
    folder: str | Path,
    trial: TrialRecord | int | None = None,
    *,
    confirmed: bool = False,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    on_news: Callable[[str], None] = lambda news: None,
) -> tuple[Path, ...]:
    """Export the network of a trial, by default the study's best, and return the files; as `mnist-bench export`.

    Args:
        study: as `search` or `open_study` returned it.
        folder: a new folder, or that of an earlier export.
        trial: the trial, or its number.
        confirmed: export the network that `confirm` trained on all images.
        device: the device on which a trial is trained again if its weights were not kept.
        data_dir: the study's data set, if it is not the packaged one.
        net: your own network, if the study searched one: the function, or its name (docs/guides/own_nets.md).
        on_news: called with a sentence about each slow step and each file that is left out.

    Raises:
        StudyNotFoundError: there is no such network.
        NotReproducedError: the trial was trained again, with another result.
        WeightsError: a file does not hold the recorded weights.
        UsageError: the folder holds other files, or cannot be written; or the data set is not the study's.
        DataError: the data set cannot be loaded.
        DeviceError: there is no such device.

    Examples:
        >>> files = export(open_study("tiny-0"), "winner")
        >>> [path.name for path in files if path.suffix != ".onnx"]
        ['model.safetensors', 'net.py', 'draw.html', 'README.md', 'RECORD.json']
    """
    options = WinnerOptions(on_all=confirmed, device=device, data_dir=as_path(data_dir))
    used(net)
    export_folder.check(Path(folder))
    check_nets(study)
    winner = load_winner(study, None if trial is None else chosen(study, trial), options, on_news)
    written = export_folder.write(winner, Path(folder))
    for remark in written.remarks:
        on_news(remark)
    return written.files


def predict(
    model: Model | StoredStudy | str | Path,
    images: Iterable[Any],
    trial: TrialRecord | int | None = None,
    *,
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
) -> list[Prediction]:
    """Return the prediction for each image, in their order; as `mnist-bench predict`.

    Args:
        model: a model from `load_model`, an export's folder, a file of weights, or a study, for the network of its best
            trial or of `trial`.
        images: files or folders of them, Pillow images, or pixels, 0 to 255, of shape (H, W), in color (H, W, 3); dark
            on light or light on dark, of any size.
        trial: the trial of a study, or its number.
        data_dir: the study's data set, if it is not the packaged one.
        net: your own network, if the study searched one: the function, or its name (docs/guides/own_nets.md).

    Raises:
        PictureError: an image is empty, or cannot be read; the message names it.
        StudyNotFoundError: there is no such trial, or its weights were not kept; `export` trains it again.
        WeightsError: there is no such file, its export was not finished, or it does not hold a network.
        UsageError: a folder contains no image, or the data set is not the study's.

    Examples:
        >>> import numpy as np
        >>> one = np.zeros((50, 40))
        >>> one[5:45, 18:22] = 255
        >>> (said,) = predict("winner", [one])
        >>> round(sum(said.probabilities), 6), said.label in range(10)
        (1.0, True)
    """
    wanted = several("images", images)
    if not isinstance(model, Model):
        model = load_model(model, trial, data_dir=data_dir, net=net)
    elif trial is not None:
        raise _no_trials(trial)
    return model(with_those_in_folders(wanted))


def load_model(
    model: StoredStudy | str | Path,
    trial: TrialRecord | int | None = None,
    *,
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
) -> Model:
    """Return a network for repeated predictions; `predict` loads it for each call.

    Args:
        model: an export's folder, a file of weights, or a study, for the network of its best trial or of `trial`.
        trial: the trial of a study, or its number.
        data_dir: the study's data set, if it is not the packaged one.
        net: your own network, if the study searched one: the function, or its name (docs/guides/own_nets.md).

    Raises:
        StudyNotFoundError: there is no such trial, or its weights were not kept; `export` trains it again.
        OtherVersionError: the network has a setting that this version does not know.
        WeightsError: there is no such file, its export was not finished, or it does not hold a network.
        UsageError: the data set is not the study's.

    Examples:
        >>> import numpy as np
        >>> one = np.zeros((50, 40))
        >>> one[5:45, 18:22] = 255
        >>> model = load_model("winner")
        >>> model([one])[0].label in range(10)
        True
    """
    used(net)
    if isinstance(model, StoredStudy):
        check_nets(model)
        options = WinnerOptions(trains=False, data_dir=as_path(data_dir))
        return load_winner(model, None if trial is None else chosen(model, trial), options).model
    if trial is not None:
        raise _no_trials(trial)
    return load_file(model)


def _no_trials(trial: TrialRecord | int) -> UsageError:
    return UsageError(f"trial={show(str(trial))}: only a study has trials; leave it out.")
