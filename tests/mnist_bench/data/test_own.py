"""Your own data: what is read, what is refused and how, and that the source is read once."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays_of
from PIL import Image

from mnist_bench.data import idx
from mnist_bench.data.choice import TRAIN_FILES, DataOptions
from mnist_bench.data.mnist import ABOUT, load_training_set
from mnist_bench.data.own import Parts, options_for, read_folder, read_npz
from mnist_bench.data.test_set import open_test_set
from mnist_bench.errors import ClosedDoorError, DataError
from mnist_bench.picture_form import MNIST, PictureForm
from support.own_data import Arrays, arrays, write_folder, write_idx, write_npz
from support.paths import ROOT

DIES = (
    "import os, sys; from pathlib import Path; from mnist_bench.data import idx; "
    "from mnist_bench.data.own import options_for; idx.pack = lambda _: os._exit(9); "
    "options_for(Path(sys.argv[1]))"
)
PICTURE = "train/class 01/0001.png"
COLOUR = PictureForm(channels=3, height=8, width=8, classes=4)


def small(**others: np.ndarray) -> Arrays:
    """Return a few pictures of four classes in colour, some arrays replaced."""
    return {**arrays(classes=4, train=40, test=8, side=8), **others}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache folder, one a test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def test_a_file_and_a_folder_of_the_same_pictures_are_the_same_data(tmp_path: Path) -> None:
    values = small()  # a folder is read class by class
    orders = {part: np.argsort(values[f"y_{part}"], kind="stable") for part in ("train", "test")}
    by_class = {name: each[orders[name[2:]]] for name, each in values.items()}
    file = load_training_set(options_for(write_npz(tmp_path / "mine.npz", by_class)))
    folder = load_training_set(options_for(write_folder(tmp_path / "mine", values)))
    assert file.options.form == folder.options.form == COLOUR
    assert (file.data_hash, file.split.digest) == (folder.data_hash, folder.split.digest)
    assert np.array_equal(file.images.images.transpose(0, 2, 3, 1), by_class["x_train"])
    assert (file.names, folder.names) == ((), ("class 00", "class 01", "class 02", "class 03"))


def test_the_source_is_read_once_and_the_test_part_lies_behind_the_door(tmp_path: Path, cache: Path) -> None:
    source = write_npz(tmp_path / "mine.npz", small())
    first = options_for(source)
    assert first.data_dir is not None
    names = {path.name for path in Path(first.data_dir).iterdir()}
    assert names == {*TRAIN_FILES, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", ABOUT}
    times = source.stat()
    source.write_bytes(b"x" * times.st_size)
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert options_for(source) == first
    opened = open_test_set(first, purpose="test", logs=[tmp_path / "log"])
    assert opened.images.shape == (8, 3, 8, 8)
    idx.close_test_set()
    with pytest.raises(ClosedDoorError, match="the test set cannot be read here"):
        (Path(first.data_dir) / "t10k-images-idx3-ubyte").read_bytes()
    folder = write_folder(tmp_path / "mine", small())
    (folder / PICTURE).rename((folder / PICTURE).with_name("t10k-images-0.png"))
    assert options_for(folder).form == COLOUR, "a picture may be named much like a test file"


def test_what_a_killed_process_left_is_removed_when_the_next_one_writes(tmp_path: Path, cache: Path) -> None:
    command = [sys.executable, "-c", DIES, str(write_npz(tmp_path / "mine.npz", small()))]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 9
    (left,) = (cache / "mnist-bench" / "data").glob("new-*")
    options = options_for(write_npz(tmp_path / "other.npz", arrays(classes=5, train=40, test=8, side=8)))
    assert not left.exists()
    assert len(load_training_set(options).images.labels) == 40


def test_what_another_is_writing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write_npz(tmp_path / "mine.npz", small()), write_npz(tmp_path / "other.npz", arrays(side=8))
    other, pack = Thread(target=options_for, args=(second,)), idx.pack

    def pack_while_another_waits(values: np.ndarray) -> bytes:
        monkeypatch.setattr(idx, "pack", pack)
        other.start()
        other.join(0.1)
        return pack(values)

    monkeypatch.setattr(idx, "pack", pack_while_another_waits)
    options_for(first)
    other.join()
    for source, classes in ((first, 4), (second, 20)):
        assert load_training_set(options_for(source)).options.form.classes == classes


def test_a_changed_source_is_read_again_and_a_damaged_cache_is_named_and_made_again(tmp_path: Path) -> None:
    source = write_npz(tmp_path / "mine.npz", small())
    options = options_for(source)
    folder = Path(options.data_dir or "")
    content = bytearray((folder / TRAIN_FILES[0]).read_bytes())
    content[-1] ^= 1
    (folder / TRAIN_FILES[0]).write_bytes(content)
    with pytest.raises(DataError, match=r"has SHA-256 .*; delete .* makes it again"):
        load_training_set(options)
    for spoil in (
        lambda: (folder / ABOUT).write_text("torn"),
        lambda: os.truncate(folder / TRAIN_FILES[0], 20),
        (folder / TRAIN_FILES[1]).unlink,
    ):
        spoil()
        assert len(load_training_set(options_for(source)).images.labels) == 40
    changed = options_for(write_npz(source, arrays(classes=5, train=40, test=8, side=8)))
    assert (changed.form.classes, changed.data_dir == options.data_dir) == (5, False)


def test_idx_files_of_any_form_are_read_as_they_lie(tmp_path: Path) -> None:
    labels = np.arange(60) % 4
    write_idx(tmp_path / TRAIN_FILES[1], labels)
    for shape, form in (
        ((60, 28, 28), MNIST),
        ((60, 20, 12), PictureForm(channels=1, height=20, width=12, classes=4)),
        ((60, 3, 9, 9), PictureForm(channels=3, height=9, width=9, classes=4)),
    ):
        write_idx(tmp_path / TRAIN_FILES[0], np.zeros(shape))
        assert load_training_set(options_for(tmp_path)).options == DataOptions(data_dir=str(tmp_path), form=form)


def test_more_classes_than_a_byte_tells_apart(tmp_path: Path) -> None:
    labels = np.arange(900) % 300
    values = small(x_train=np.zeros((900, 8, 8), np.uint8), y_train=labels)
    values |= {"x_test": np.zeros((8, 8, 8), np.uint8), "y_test": np.arange(8)}
    loaded = load_training_set(options_for(write_npz(tmp_path / "mine.npz", values)))
    assert loaded.images.labels.tolist() == labels.tolist()


def test_real_numbers_up_to_one_are_shares(tmp_path: Path) -> None:
    values = small()
    values["x_train"][0] = 255
    shares = values | {key: values[key] / np.float32(255) for key in ("x_train", "x_test")}
    whole = values | {key: values[key].astype(float) for key in ("x_train", "x_test")}
    files = [write_npz(tmp_path / f"{number}.npz", each) for number, each in enumerate((values, shares, whole))]
    assert options_for(files[0]) == options_for(files[1]) == options_for(files[2])
    bits = [values | {key: (values[key] > 9).astype(kind) for key in ("x_train", "x_test")} for kind in ("u1", "i8")]
    assert len({options_for(write_npz(tmp_path / "bits.npz", each)) for each in bits}) == 1


def pictures(value: float = 0, *shape: int) -> np.ndarray:
    return np.full(shape or (40, 8, 8, 3), value)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"x_train": pictures(0, 40, 8)}, r"x_train: has shape \(40, 8\), not \(N, H, W\)"),
        ({"x_train": pictures(0, 40, 8, 2000)}, "x_train: images have 8x2000 pixels; each side must have 4"),
        ({"x_train": pictures(256)}, "x_train: its pixels range from 256.* must be from 0 to 255"),
        ({"x_train": pictures(np.nan)}, "x_train: its pixels range from nan"),
        ({"x_train": pictures(-1.0)}, "its pixels range from -1 to -1; they must be from 0 to 1$"),
        ({"x_train": pictures(1.5)}, "x_train: some pixels, up to 1.5, are not integers"),
        ({"x_train": pictures(0.0), "x_test": pictures(9.0, 8, 8, 8, 3)}, "x_test: its pixels range from 9"),
        ({"x_test": pictures(0, 8, 8, 9, 3)}, r"x_test: has shape \(8, 3, 8, 9\), not \(N, 3, 8, 8\)"),
        ({"y_train": pictures(0, 40, 4)}, r"y_train: has shape \(40, 4\), not \(N,\); convert one-hot rows"),
        ({"y_train": pictures(0.0, 40)}, "y_train: contains float64; labels must be integers"),
        ({"y_train": np.arange(39) % 4}, "39 labels for the 40 images"),
        ({"y_train": np.arange(40) % 4 * 2}, "no training image has label 1, though labels go up to 6"),
        ({"y_train": pictures(0, 40)}, "its labels range from 0 to 0; the labels of K classes"),
        ({"y_train": np.arange(40) - 1}, "its labels range from -1 to 38"),
        ({"y_test": pictures(4, 8)}, "y_test: label 4 is not between 0 and 3"),
        ({"x_test": pictures(0, 0, 8, 8, 3), "y_test": pictures(0, 0)}, "x_test: contains no image"),
        ({"x_train": np.array([{}])}, "x_train contains object, not numbers"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_a_sentence(tmp_path: Path, wrong: Arrays, words: str) -> None:
    source = write_npz(tmp_path / "mine.npz", small(**wrong))
    with pytest.raises(DataError, match=words) as caught:
        options_for(source)
    assert str(source) in str(caught.value)


@pytest.mark.parametrize("kind", ["file", "folder", "IDX files"])
def test_too_few_pictures_to_split_are_said_with_where_they_are(tmp_path: Path, kind: str) -> None:
    few, source = arrays(classes=2, train=6, test=2, side=8), tmp_path / "mine"
    if kind == "file":
        source = write_npz(tmp_path / "mine.npz", few)
    elif kind == "folder":
        write_folder(source, few)
    else:
        source.mkdir()
        write_idx(source / TRAIN_FILES[0], few["x_train"][..., 0])
        write_idx(source / TRAIN_FILES[1], few["y_train"])
    for _ in range(2):  # also where it was read before
        with pytest.raises(DataError) as caught:
            options_for(source)
        assert str(caught.value) == f"{source}: 6 training images are too few to split; at least 10 are needed"


def with_a_damaged_header(path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9, 28, 28\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name in small():
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: np.savez(path, x_train=pictures()), "has no array y_train; x_train, y_train, x_test, y_test are"),
        (lambda path: path.write_text("no zip"), r"cannot be read as an \.npz file"),
        (os.mkfifo, r"cannot be read as an \.npz file \(.*a pipe or a device"),
        (with_a_damaged_header, r"cannot be read as an \.npz file"),
        (lambda path: None, "cannot be read"),
    ],
)
def test_what_is_no_such_file_is_said(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    source = tmp_path / "mine.npz"
    make(source)
    with pytest.raises(DataError, match=rf"^{source}: {words}"):
        options_for(source)


def test_a_file_whose_own_name_is_no_utf8_is_read(tmp_path: Path) -> None:
    source = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.npz"))
    write_npz(source, small())
    assert options_for(source) == options_for(source)


def test_names_of_classes_are_shown_on_one_line_and_change_no_hash(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine", small())
    before = load_training_set(options_for(folder))
    for part in ("train", "test"):
        (folder / part / "class 00").rename(os.fsdecode(os.fsencode(folder / part) + b"/caf\xe9"))
        (folder / part / "class 03").rename(folder / part / "d\nog")
    renamed = load_training_set(options_for(folder))
    assert renamed.names == (r"caf\xe9", "class 01", "class 02", "d og")
    assert renamed.data_hash == before.data_hash


def link_one_folder_twice(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / "train/class 01" / name).symlink_to(folder / "test/class 00")


def of_each(pattern: str, change: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return what changes each file or folder that matches."""
    return lambda folder: [change(path) for path in sorted(folder.glob(pattern))]


def save(kind: str, size: tuple[int, int], name: str = PICTURE) -> Callable[[Path], object]:
    return lambda folder: Image.new(kind, size).save(folder / name)


FAULTS: dict[str, Callable[[Path], object]] = {
    r"class 01/a\.png: is not a readable image \(.*a pipe or a device": (
        lambda folder: os.mkfifo(folder / "train/class 01/a.png")
    ),
    r"^\S*train/class 01/loop: is the same folder as \S*/train, by a link; remove the link$": (
        lambda folder: os.symlink("..", folder / "train/class 01/loop")
    ),
    r"class 01/b: is the same folder as .*class 01/a, by a link": link_one_folder_twice,
    r"class 01/0001\.png: is not a readable image": lambda folder: (folder / PICTURE).write_text("no picture"),
    r"class 01/0001\.png: has 8x9 pixels, and .*class 00/0000\.png has 8x8": save("RGB", (9, 8)),
    r"test/class 01/0001\.png: has mode RGBA; save it as 8-bit gray or RGB": (
        save("RGBA", (8, 8), "test/class 01/0001.png")
    ),
    "test/other: the class other is missing": lambda folder: (folder / "test/other").mkdir(),
    "train/a new one: contains no image": lambda folder: (folder / "train/a new one").mkdir(),
    "test: cannot be listed": lambda folder: (folder / "test").rename(folder / "held out"),
    "test: contains color images, and .*train does not": (
        of_each("train/*/*.png", lambda picture: Image.open(picture).convert("L").save(picture))
    ),
    "test: contains no image; test images, which no search sees, are needed": of_each("test/*/*.png", Path.unlink),
    "train: the class class 01 ?looks like another one in messages; rename it": (
        of_each("*/class 02", lambda found: found.rename(found.with_name("class 01 ")))
    ),
    "train: contains the folder of one class; at least 2 are needed": of_each("train/class 0[012]", shutil.rmtree),
}


@pytest.mark.parametrize("words", FAULTS)
def test_what_is_wrong_in_a_folder_is_said(tmp_path: Path, words: str) -> None:
    folder = write_folder(tmp_path / "mine", small())
    FAULTS[words](folder)
    with pytest.raises(DataError, match=words):
        options_for(folder)


def test_classes_whose_names_are_numbers_are_ordered_as_numbers(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("10", "9", "2"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(4):
                Image.new("L", (8, 8), int(name)).save(tmp_path / part / name / f"{number}.png")
    loaded = load_training_set(options_for(tmp_path))
    assert loaded.names == ("2", "9", "10")
    assert loaded.options.form == PictureForm(channels=1, height=8, width=8, classes=3)


SHAPES = st.sampled_from([(3,), (3, 8), (12, 8, 8), (12, 8, 8, 1), (12, 8, 8, 3), (12, 8, 8, 2), (0, 8, 8)])
DTYPES = st.sampled_from(["u1", "i4", "f4", "f8", "c8", "U3", "?"])


@given(
    st.dictionaries(
        st.sampled_from(["x_train", "y_train", "x_test", "y_test", "more"]),
        st.tuples(DTYPES, SHAPES).flatmap(lambda form: arrays_of.arrays(*form)),
        max_size=4,
    )
)
def test_any_arrays_are_read_or_refused_in_a_sentence(drawn: Arrays) -> None:
    with TemporaryDirectory() as folder:
        path = write_npz(Path(folder) / "mine.npz", small(**drawn))
        message, parts = outcome(path)
        assert message.startswith(str(path)) == (parts is None)
        if parts is not None:
            assert parts.train.images.shape[1:] == parts.form.array_shape == parts.test.images.shape[1:]
            assert parts.train.labels.max() + 1 == parts.form.classes


def damaged(content: bytes, data: st.DataObject) -> bytes:
    """Return a file's content with up to four bytes changed, cut anywhere."""
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    return bytes(changed[: data.draw(st.integers(0, len(changed)))])


@given(st.data())
def test_a_file_cut_or_changed_anywhere_is_read_or_refused_in_a_sentence(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = write_npz(Path(folder) / "mine.npz", small())
        path.write_bytes(damaged(path.read_bytes(), data))
        message, parts = outcome(path)
        assert message.startswith(str(path)) == (parts is None)


@given(st.data())
def test_a_picture_changed_anywhere_is_read_or_refused_in_a_sentence(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = write_folder(Path(name), arrays(classes=2, train=2, test=2, side=8))
        path = folder / PICTURE
        path.write_bytes(damaged(path.read_bytes(), data))
        message, parts = outcome(folder, read_folder)
        assert message.startswith(str(folder)) == (parts is None)


def outcome(path: Path, read: Callable[[Path], Parts] = read_npz) -> tuple[str, Parts | None]:
    """Return what a file or folder holds, or what is said of it."""
    try:
        return "", read(path)
    except DataError as error:
        return str(error), None
