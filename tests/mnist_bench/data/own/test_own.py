"""Your own data: what is read, what is refused and how, and that the source is read once."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays_of
from PIL import Image

from mnist_bench.data import idx
from mnist_bench.data.mnist import ABOUT, TRAIN_FILES, DataOptions, load_training_set
from mnist_bench.data.own import npz, picture_folder
from mnist_bench.data.own.formats import options_for
from mnist_bench.data.own.parts import Parts
from mnist_bench.data.test_set import open_test_set
from mnist_bench.errors import DataError
from mnist_bench.picture_form import MNIST, PictureForm
from support.handmade_data import write_idx
from support.own_data import Arrays, arrays, write_folder, write_npz
from support.paths import ROOT

OPENS_IT = "import sys; from mnist_bench.data.guard import close_test_set; close_test_set(); open(sys.argv[1])"
READS = (
    "import sys; from pathlib import Path; from mnist_bench.data.guard import close_test_set; "
    "from mnist_bench.data.own.formats import options_for; close_test_set(); "
)
READS += "print(options_for(Path(sys.argv[1])).form.classes)"
DIES = f"import os; from mnist_bench.data import idx; idx.pack = lambda _: os._exit(9); {READS}"
COLOUR = PictureForm(channels=3, height=8, width=8, classes=4)


def small(**others: np.ndarray) -> Arrays:
    """Return a few pictures of four classes in colour, some arrays replaced."""
    return {**arrays(classes=4, train=40, test=8, side=8), **others}


def run(program: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a program over a path, in a process of its own."""
    command = [sys.executable, "-c", program, str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache folder, one a test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def test_a_file_and_a_folder_of_the_same_pictures_are_the_same_data(tmp_path: Path) -> None:
    values = small()
    order = np.argsort(values["y_train"], kind="stable")  # a folder is read class by class
    values |= {"x_train": values["x_train"][order], "y_train": values["y_train"][order]}
    order = np.argsort(values["y_test"], kind="stable")
    values |= {"x_test": values["x_test"][order], "y_test": values["y_test"][order]}
    file = options_for(write_npz(tmp_path / "mine.npz", values))
    folder = options_for(write_folder(tmp_path / "mine", values))
    assert file.form == folder.form == COLOUR
    loaded = load_training_set(file)
    assert (loaded.data_hash, loaded.split.digest) == (
        load_training_set(folder).data_hash, load_training_set(folder).split.digest,
    )  # fmt: skip
    assert loaded.images.images.shape == (40, 3, 8, 8)
    assert np.array_equal(loaded.images.images.transpose(0, 2, 3, 1), values["x_train"])


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
    opened = open_test_set(first, purpose="test", ledgers=[tmp_path / "ledger"])
    assert opened.images.shape == (8, 3, 8, 8)
    path = Path(first.data_dir) / "t10k-images-idx3-ubyte"
    assert "the test set cannot be read here" in run(OPENS_IT, path).stderr


def test_a_picture_may_be_named_much_like_a_test_file(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine", small())
    for part in ("train", "test"):
        (folder / part / "class 00" / "0000.png").rename(folder / part / "class 00" / "t10k-images-0.png")
    done = run(READS, folder)
    assert (done.stdout, done.stderr) == ("4\n", "")


def test_what_a_killed_process_left_is_removed_when_the_next_one_writes(tmp_path: Path, cache: Path) -> None:
    assert run(DIES, write_npz(tmp_path / "mine.npz", small())).returncode == 9
    (left,) = (cache / "mnist-bench" / "data").glob("new-*")
    options = options_for(write_npz(tmp_path / "other.npz", arrays(classes=5, train=40, test=8, side=8)))
    assert not left.exists()
    assert len(load_training_set(options).images.labels) == 40


def test_what_another_is_writing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write_npz(tmp_path / "mine.npz", small()), write_npz(tmp_path / "other.npz", arrays(side=8))
    pack = idx.pack

    def write_the_second_meanwhile(values: np.ndarray) -> bytes:
        monkeypatch.setattr(idx, "pack", pack)
        options_for(second)
        return pack(values)

    monkeypatch.setattr(idx, "pack", write_the_second_meanwhile)
    for source, classes in ((first, 4), (second, 20)):
        assert load_training_set(options_for(source)).options.form.classes == classes


def test_a_changed_source_is_read_again(tmp_path: Path) -> None:
    first = options_for(write_npz(tmp_path / "mine.npz", small()))
    second = options_for(write_npz(tmp_path / "mine.npz", arrays(classes=5, train=40, test=8, side=8)))
    assert first.data_dir != second.data_dir
    assert second.form.classes == 5


def test_a_damaged_cache_is_named_and_made_again(tmp_path: Path) -> None:
    source = write_npz(tmp_path / "mine.npz", small())
    options = options_for(source)
    folder = Path(options.data_dir or "")
    content = bytearray((folder / TRAIN_FILES[0]).read_bytes())
    content[-1] ^= 1
    (folder / TRAIN_FILES[0]).write_bytes(content)
    with pytest.raises(DataError, match=r"has SHA-256 .*; delete .* makes it again"):
        load_training_set(options)
    (folder / ABOUT).write_text("torn")
    assert len(load_training_set(options_for(source)).images.labels) == 40


def test_idx_files_of_any_form_are_read_as_they_lie(tmp_path: Path) -> None:
    labels = np.arange(60) % 3
    write_idx(tmp_path / TRAIN_FILES[1], labels)
    for shape, form in (
        ((60, 28, 28), MNIST),
        ((60, 20, 12), PictureForm(channels=1, height=20, width=12, classes=3)),
        ((60, 3, 9, 9), PictureForm(channels=3, height=9, width=9, classes=3)),
    ):
        write_idx(tmp_path / TRAIN_FILES[0], np.zeros(shape))
        assert options_for(tmp_path) == DataOptions(data_dir=str(tmp_path), form=form)
        assert load_training_set(options_for(tmp_path)).options.form == form


def test_more_classes_than_a_byte_tells_apart(tmp_path: Path) -> None:
    labels = np.arange(900) % 300
    values = small(x_train=np.zeros((900, 8, 8), np.uint8), y_train=labels)
    values |= {"x_test": np.zeros((8, 8, 8), np.uint8), "y_test": np.arange(8)}
    loaded = load_training_set(options_for(write_npz(tmp_path / "mine.npz", values)))
    assert loaded.images.labels.tolist() == labels.tolist()


def test_real_numbers_up_to_one_are_shares(tmp_path: Path) -> None:
    values = small()
    shares = values | {key: values[key] / np.float32(255) for key in ("x_train", "x_test")}
    whole = values | {key: values[key].astype(float) for key in ("x_train", "x_test")}
    one, two, three = (
        options_for(write_npz(tmp_path / f"{number}.npz", each)) for number, each in enumerate((values, shares, whole))
    )
    assert one == two == three


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"x_train": np.zeros((40, 8), np.uint8)}, r"x_train: has shape \(40, 8\), not \(N, H, W\)"),
        ({"x_train": np.zeros((40, 3, 8, 8), np.uint8)}, r"x_train: has shape \(40, 3, 8, 8\)"),
        ({"x_train": np.zeros((40, 8, 2000), np.uint8)}, "x_train: images have 8x2000 pixels; each side must have 4"),
        ({"x_train": np.full((40, 8, 8, 3), 256)}, "x_train: its pixels range from 256.* must be from 0 to 255"),
        ({"x_train": np.full((40, 8, 8, 3), np.nan)}, "x_train: its pixels range from nan"),
        ({"x_train": np.full((40, 8, 8, 3), -1.0)}, "its pixels range from -1 to -1; they must be from 0 to 1$"),
        ({"x_train": np.full((40, 8, 8, 3), 1.5)}, "x_train: some pixels, up to 1.5, are not whole numbers"),
        ({"x_train": np.zeros((40, 8, 8, 3)), "x_test": np.full((8, 8, 8, 3), 9.0)}, "x_test: its pixels range from 9"),
        ({"x_test": np.zeros((8, 8, 9, 3), np.uint8)}, r"x_test: has shape \(8, 3, 8, 9\), not \(N, 3, 8, 8\)"),
        ({"x_test": np.zeros((8, 8, 8), np.uint8)}, "x_test: has shape"),
        ({"y_train": np.zeros((40, 4))}, r"y_train: has shape \(40, 4\), not \(N,\); convert one-hot rows"),
        ({"y_train": np.zeros(40)}, "y_train: contains float64; labels must be whole numbers"),
        ({"y_train": np.arange(39) % 4}, "39 labels for the 40 images"),
        ({"y_train": np.arange(40) % 4 * 2}, "no training image has label 1, though labels go up to 6"),
        ({"y_train": np.zeros(40, int)}, "its labels range from 0 to 0; the labels of K classes"),
        ({"y_train": np.arange(40) - 1}, "its labels range from -1 to 38"),
        ({"y_train": np.full(40, 1000)}, "its labels range from 0 to 1000"),
        ({"y_test": np.full(8, 4)}, "y_test: label 4 is not between 0 and 3"),
        ({"x_test": np.zeros((0, 8, 8, 3), np.uint8), "y_test": np.zeros(0, int)}, "x_test: contains no image"),
        ({"x_train": np.array([{}])}, "x_train contains object, not numbers"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_said_in_a_sentence(tmp_path: Path, wrong: Arrays, words: str) -> None:
    source = write_npz(tmp_path / "mine.npz", small(**wrong))
    with pytest.raises(DataError, match=words) as caught:
        options_for(source)
    assert str(source) in str(caught.value)


@pytest.mark.parametrize("kind", ["file", "folder", "IDX files"])
def test_too_few_pictures_to_split_are_said_with_where_they_are(tmp_path: Path, kind: str) -> None:
    few, source = arrays(classes=2, train=6, test=2, side=8), tmp_path / "mine"
    match kind:
        case "file":
            source = write_npz(tmp_path / "mine.npz", few)
        case "folder":
            write_folder(source, few)
        case _:
            source.mkdir()
            for name, values in zip(TRAIN_FILES, (few["x_train"][..., 0], few["y_train"]), strict=True):
                write_idx(source / name, values)
    for _ in range(2):  # also where it was read before
        with pytest.raises(DataError) as caught:
            options_for(source)
        assert str(caught.value) == f"{source}: 6 training images are too few to split; at least 10 are needed"


def test_what_is_no_such_file_is_said(tmp_path: Path) -> None:
    values = small()
    del values["y_test"]
    with pytest.raises(DataError, match="has no array y_test; x_train, y_train, x_test, y_test are needed"):
        options_for(write_npz(tmp_path / "mine.npz", values))
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(DataError, match=r"text\.npz: cannot be read as an \.npz file"):
        options_for(tmp_path / "text.npz")
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match=r"pipe\.npz: cannot be read as an \.npz file \(.*a pipe or a device"):
        options_for(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match=r"none\.npz: cannot be read"):
        options_for(tmp_path / "none.npz")
    with pytest.raises(DataError, match="not by both"):
        options_for(tmp_path / "mine.npz", dataset="kmnist")


@pytest.mark.parametrize("torn", [False, True])
def test_a_cache_that_has_lost_a_file_or_part_of_one_is_made_again(tmp_path: Path, *, torn: bool) -> None:
    source = write_npz(tmp_path / "mine.npz", small())
    for name in (TRAIN_FILES[0], TRAIN_FILES[1]):
        file = Path(options_for(source).data_dir or "") / name
        if torn:
            os.truncate(file, 20)
        else:
            file.unlink()
        assert len(load_training_set(options_for(source)).images.labels) == 40


def test_a_file_whose_header_is_damaged_is_no_such_file(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9, 28, 28\n"
    with zipfile.ZipFile(tmp_path / "mine.npz", "w") as archive:
        for name in small():
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(DataError, match=r"mine\.npz: cannot be read as an \.npz file"):
        options_for(tmp_path / "mine.npz")


def test_a_file_whose_own_name_is_no_utf8_is_read(tmp_path: Path) -> None:
    source = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.npz"))
    write_npz(source, small())
    assert options_for(source) == options_for(source)


def test_names_that_are_no_utf8_are_told_with_escapes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine", small())
    (folder / "train" / "class 01").rename(os.fsdecode(os.fsencode(folder / "train") + b"/caf\xe9"))
    (folder / "test" / "class 01").rename(os.fsdecode(os.fsencode(folder / "test") + b"/caf\xe9"))
    assert load_training_set(options_for(folder)).names[0] == r"caf\xe9"


def spoil_text(folder: Path) -> None:
    (folder / "train" / "class 01" / "0001.png").write_text("no picture")


def spoil_size(folder: Path) -> None:
    Image.new("RGB", (9, 8)).save(folder / "train" / "class 01" / "0001.png")


def spoil_mode(folder: Path) -> None:
    Image.new("RGBA", (8, 8)).save(folder / "test" / "class 01" / "0001.png")


def spoil_class(folder: Path) -> None:
    (folder / "test" / "other").mkdir()


def spoil_empty(folder: Path) -> None:
    (folder / "train" / "a new one").mkdir()


def spoil_all_of_the_test(folder: Path) -> None:
    for picture in (folder / "test").glob("*/*.png"):
        picture.unlink()


def spoil_name(folder: Path) -> None:
    for part in ("train", "test"):
        (folder / part / "class 02").rename(folder / part / "class 01 ")


def spoil_others(folder: Path) -> None:
    for name in ("class 00", "class 01", "class 02"):
        shutil.rmtree(folder / "train" / name)


def spoil_test(folder: Path) -> None:
    (folder / "test").rename(folder / "held out")


def spoil_pipe(folder: Path) -> None:
    os.mkfifo(folder / "train" / "class 01" / "a.png")


def spoil_loop(folder: Path) -> None:
    (folder / "train" / "class 01" / "loop").symlink_to("..")


def spoil_twice(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / "train" / "class 01" / name).symlink_to(folder / "test" / "class 00")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_pipe, r"class 01/a\.png: is not a readable image \(.*a pipe or a device"),
        (spoil_loop, r"^\S*train/class 01/loop: is the same folder as \S*/train, by a link; remove the link$"),
        (spoil_twice, r"class 01/b: is the same folder as .*class 01/a, by a link"),
        (spoil_text, r"class 01/0001\.png: is not a readable image"),
        (spoil_size, r"class 01/0001\.png: has 8x9 pixels, and .*class 00/0000\.png has 8x8"),
        (spoil_mode, r"test/class 01/0001\.png: has mode RGBA; save it as 8-bit gray or RGB"),
        (spoil_class, "test/other: the class other is missing"),
        (spoil_empty, "train/a new one: contains no image"),
        (spoil_test, "test: cannot be listed"),
        (spoil_all_of_the_test, "test: contains no image; test images, which no search sees, are needed"),
        (spoil_name, "train: the class class 01 ?looks like another one in messages; rename it"),
        (spoil_others, "train: contains the folder of one class; at least 2 are needed"),
    ],
)
def test_what_is_wrong_in_a_folder_is_said(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    folder = write_folder(tmp_path / "mine", small())
    spoil(folder)
    with pytest.raises(DataError, match=words):
        options_for(folder)


def test_classes_whose_names_are_numbers_are_ordered_as_numbers(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("10", "9", "2"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(4):
                Image.new("L", (8, 8), int(name)).save(tmp_path / part / name / f"{number}.png")
    options = options_for(tmp_path)
    about = json.loads((Path(options.data_dir or "") / ABOUT).read_text())
    assert about["classes"] == ["2", "9", "10"]
    assert options.form == PictureForm(channels=1, height=8, width=8, classes=3)


def test_names_of_classes_come_with_the_data_and_change_no_hash(tmp_path: Path) -> None:
    values = small()
    for part in ("train", "test"):  # a folder is read class by class
        order = np.argsort(values[f"y_{part}"], kind="stable")
        values |= {f"{kind}_{part}": values[f"{kind}_{part}"][order] for kind in "xy"}
    nameless = load_training_set(options_for(write_npz(tmp_path / "mine.npz", values)))
    named = load_training_set(options_for(write_folder(tmp_path / "one", small())))
    renamed = tmp_path / "two"
    write_folder(renamed, small())
    for part in ("train", "test"):
        (renamed / part / "class 03").rename(renamed / part / "d\nog")
    others = load_training_set(options_for(renamed))
    assert nameless.names == ()
    assert named.names == ("class 00", "class 01", "class 02", "class 03")
    assert others.names == ("class 00", "class 01", "class 02", "d og")
    assert named.data_hash == nameless.data_hash == others.data_hash


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


@given(st.data())
def test_a_file_cut_or_changed_anywhere_is_read_or_refused_in_a_sentence(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = write_npz(Path(folder) / "mine.npz", small())
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        message, parts = outcome(path)
        assert message.startswith(str(path)) == (parts is None)


@given(st.data())
def test_a_picture_changed_anywhere_is_read_or_refused_in_a_sentence(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = write_folder(Path(name), arrays(classes=2, train=2, test=2, side=8))
        path = folder / "train" / "class 01" / "0001.png"
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        try:
            picture_folder.read(folder)
        except DataError as error:
            message = str(error)
        else:
            message = str(folder)
        assert message.startswith(str(folder))


def outcome(path: Path) -> tuple[str, Parts | None]:
    """Return what a file holds, or what is said of it."""
    try:
        return "", npz.read(path)
    except DataError as error:
        return str(error), None
