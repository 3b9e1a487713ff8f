"""Export a study's network, load it, and classify images."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mnist_bench import options
from mnist_bench.options import argument, documented, in_python, option

if TYPE_CHECKING:
    from mnist_bench.prediction.model import Model, Prediction
    from search.errors import UsageError
    from search.event_log.records import TrialRecord
    from search.study.studies import StoredStudy


@documented
def export(
    study: options.Study,
    to: Annotated[str | Path, option("A new folder, or the folder of an earlier export.", "DIR", typed=Path)],
    trial: options.Trial = None,
    *,
    confirmed: Annotated[
        bool, option("Export the network that `confirm` trained on all images: the first of its seeds.")
    ] = False,
    data: options.Data = None,
    net: options.Net = None,
    on_news: Annotated[
        Callable[[str], None],
        in_python("Called with a sentence about each slow step and each file that is left out."),
    ] = lambda news: None,
) -> tuple[Path, ...]:
    """Export the network of a trial, by default the study's best, and return the files; as `mnist-bench export`.

    Raises:
        StudyNotFoundError: there is no such network.
        NotReproducedError: the trial was trained again, with another result.
        WeightsError: a file does not hold the recorded weights.
        UsageError: the folder holds other files, or cannot be written; or the data set is not the study's.

    Examples:
        >>> files = export(open_study("tiny-0"), "winner")
        >>> [path.name for path in files if path.suffix != ".onnx"]
        ['model.safetensors', 'net.py', 'draw.html', 'README.md', 'RECORD.json']
    """
    from mnist_bench.api.arguments import as_path, chosen
    from mnist_bench.export import export_folder
    from mnist_bench.export.winner import load_winner
    from mnist_bench.value_kind import check_nets

    options.loaded_net(net)
    export_folder.check(Path(to))
    check_nets(study)
    asked = None if trial is None else chosen(study, trial)
    winner = load_winner(study, asked, on_all=confirmed, data_dir=as_path(data), on_news=on_news)
    written = export_folder.write(winner, Path(to))
    for remark in written.remarks:
        on_news(remark)
    return written.files


@documented
def predict(
    model: Annotated[
        "Model | StoredStudy | str | Path",
        argument(
            "The folder of an export, a trial STUDY/17, a study for its best trial, or a file of weights.",
            "MODEL",
            typed=str,
        ),
    ],
    images: Annotated[
        Iterable[Any],
        argument(
            "Image files, or folders of them; - reads one from stdin.",
            "IMAGE",
            typed=Sequence[str],
            python="Also Pillow images, or pixels, 0 to 255, of shape (H, W), in color (H, W, 3).",
        ),
    ],
    trial: options.Trial = None,
    *,
    data: options.Data = None,
    net: options.Net = None,
) -> "list[Prediction]":
    """Return the prediction for each image, in their order; as `mnist-bench predict`.

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
    from mnist_bench.prediction.model import Model
    from mnist_bench.prediction.pictures import with_those_in_folders

    wanted = tuple(images)
    if not isinstance(model, Model):
        model = load_model(model, trial, data=data, net=net)
    elif trial is not None:
        raise _no_trials(trial)
    return model(with_those_in_folders(wanted))


@documented
def load_model(
    model: Annotated[
        "StoredStudy | str | Path",
        in_python("An export's folder, a file of weights, or a study, for one of its trials."),
    ],
    trial: options.Trial = None,
    *,
    data: options.Data = None,
    net: options.Net = None,
) -> "Model":
    """Return a network for repeated predictions; `predict` loads it for each call.

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
    from mnist_bench.api.arguments import as_path, chosen
    from mnist_bench.export.winner import kept_net
    from mnist_bench.prediction.model import load_model as load_file
    from mnist_bench.value_kind import check_nets
    from search.study.studies import StoredStudy

    options.loaded_net(net)
    if isinstance(model, StoredStudy):
        check_nets(model)
        asked = None if trial is None else chosen(model, trial)
        return kept_net(model, asked, data_dir=as_path(data)).model
    if trial is not None:
        raise _no_trials(trial)
    return load_file(model)


def _no_trials(trial: "TrialRecord | int") -> "UsageError":
    from search.errors import UsageError
    from search.messages import show

    return UsageError(f"trial={show(str(trial))}: only a study has trials; leave it out.")
