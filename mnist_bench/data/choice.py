"""Which pictures a net is trained on: one value for the space's settings, the study's record and the workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Final, Self

from annotated_types import Ge, Len
from pydantic import with_config

from mnist_bench.config.settings import DatasetName
from mnist_bench.errors import DataError
from mnist_bench.picture_form import MNIST, PictureForm, parse
from search import canonical_json
from search.stored_fields import STRICT

TRAIN_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of the packaged files, uncompressed."""
IN_RED = "773eba5c758d1e01033b43c2ee5806bd84eecc18ab839ea5b636f55b7e0fa214"
"""SHA-256 of the packaged training images in three channels, as an IDX file."""
Hash = Annotated[str, Len(64, 64)]


@dataclass(frozen=True, slots=True)
class Named:
    """A data set that is known by its name."""

    of_digits: bool  # whether its classes are the ten digits
    download: str = ""  # the class of torchvision that fetches it; none if it is made of IDX files at hand


NAMED: Mapping[DatasetName, Named] = {
    "mnist": Named(of_digits=True),
    "mnist-red": Named(of_digits=True),
    "fashion-mnist": Named(of_digits=False, download="FashionMNIST"),
    "kmnist": Named(of_digits=False, download="KMNIST"),
    "qmnist": Named(of_digits=True, download="QMNIST"),
}


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class DataChoice:
    """The choice of training images."""

    dataset: DatasetName = "mnist"  # name of the data set, see `NAMED`
    subset: Annotated[int, Ge(1)] | None = None  # number of training images to use, validation included; None for all
    split_seed: Annotated[int, Ge(0)] = 0  # decides which images validate
    form: PictureForm = MNIST  # the form that the pictures have for a net; `own.options_for` finds it out

    @property
    def choice(self) -> dict[str, Any]:
        """The fields of the choice by name, with which another value of it is made."""
        return {item.name: getattr(self, item.name) for item in fields(DataChoice)}

    @property
    def is_of_files(self) -> bool:
        """Whether it is made of IDX files at hand: the packaged ones, or those in a folder."""
        return not NAMED[self.dataset].download

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with which a space or a recipe makes this choice of pictures of one form: `SETTINGS`."""
        default = DataChoice()
        return {name: self.choice[name] for name in SETTINGS if self.choice[name] != getattr(default, name)}

    def chosen(self, settings: Mapping[str, Any]) -> Self:
        """Return the choice with what a space or a recipe names."""
        return replace(self, **{name: settings[name] for name in SETTINGS if name in settings})


CHANNELS: Final = 3  # of mnist-red, after the 2017 notebook: red has the grey picture, green and blue are 0
SETTINGS = ("dataset", "subset", "split_seed")  # the fields that a space or a recipe may name


@dataclass(frozen=True, kw_only=True, slots=True)
class DataOptions(DataChoice):
    """A choice of training images, and where they are."""

    data_dir: str | None = None  # folder with four IDX files to use instead of the packaged ones

    def __post_init__(self) -> None:
        if self.dataset not in NAMED:
            raise DataError(f"dataset {self.dataset!r} is not one of {', '.join(NAMED)}")
        if self.data_dir is not None and not self.is_of_files:
            raise DataError(f"a data set is named by its folder or by its name, not by both ({self.dataset!r})")


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class Data(DataChoice):
    """A choice of training images, and the hashes by which they are known: as a study records it."""

    data_hash: Hash  # SHA-256 over the training files
    split_hash: Hash  # SHA-256 over the indices of the validation split

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """Return the data set that `stored` has written."""
        return cls(**{**values, **({"form": parse(values["form"])} if "form" in values else {})})

    def at(self, data_dir: str | None) -> DataOptions:
        """Return how it is loaded, from a folder or by its name."""
        return DataOptions(**self.choice, data_dir=data_dir)

    @property
    def is_own(self) -> bool:
        """Whether it is your own, so that commands which open it have to name it (`--data`)."""
        images, labels = (SHA256[file] for file in TRAIN_FILES)
        packaged = canonical_json.sha256([IN_RED if self.is_red else images, labels])
        return self.is_of_files and self.data_hash != packaged

    @property
    def is_of_digits(self) -> bool:
        """Whether its classes are known to be the ten digits; for your own data this is not known."""
        return not self.is_own and NAMED[self.dataset].of_digits

    @property
    def is_red(self) -> bool:
        """Whether its pictures were grey, and have two more channels, green and blue, that are 0."""
        return self.dataset == "mnist-red"


def form_of(name: DatasetName, files: PictureForm = MNIST) -> PictureForm:
    """Return the form of the pictures of a data set, given that of its files."""
    if name != "mnist-red":
        return files
    if files.channels != 1:
        raise DataError(f"{name} needs gray images; these have {files}")
    return replace(files, channels=CHANNELS)
