"""Pictures: read from files, prepared like MNIST's, and of which kind they are."""

from __future__ import annotations

import io
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mnist_bench.data.idx import close_test_set
from mnist_bench.data.tensors import Dataset
from mnist_bench.errors import PictureError
from mnist_bench.prediction.pictures import (
    FORMATS,
    MAX_BYTES,
    brightness,
    draws_on_black,
    fit,
    in_folder,
    is_ready,
    parse,
    pixels,
    prepare,
    read,
    sample,
    shares,
)
from support.dose import dose


def pictures(data: Dataset, count: int = 200) -> NDArray[np.float32]:
    return data.pixels(data.validation[:count]).numpy()[:, 0]


def test_a_picture_of_mnist_comes_out_as_it_is(digits: Dataset) -> None:
    seen = pictures(digits)
    prepared = np.stack([prepare(picture) for picture in seen])
    assert np.abs(prepared - seen).max() <= 1  # the strongest ink of some is 254


@pytest.mark.parametrize("times", [1, 3, 9])
def test_inverted_moved_and_enlarged_it_is_about_the_same(digits: Dataset, times: int) -> None:
    draw = np.random.default_rng(times)
    for picture in pictures(digits, 50):
        large = np.kron(np.where(picture > 100, picture, 0), np.ones((times, times)))
        expected = prepare(np.where(picture > 100, picture, 0))
        paper = np.pad(250 - 0.8 * large, draw.integers(1, 80, (2, 2)), constant_values=250)
        assert np.abs(prepare(paper) - expected).max() < 1e-3


def test_the_digit_fills_twenty_pixels_around_its_centre_of_mass() -> None:
    paper = np.zeros((90, 300))
    paper[20:60, 200:210] = 200
    seen = prepare(paper)
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    assert (len(rows), len(columns), int(seen.max())) == (20, 5, 255)
    for mass in (seen.sum(0), seen.sum(1)):
        assert abs(mass @ np.arange(28) / mass.sum() - 14) <= 0.5


def test_what_is_no_digit_is_fitted_whole() -> None:
    seen = prepare(np.pad(np.full((10, 20), 99.0), 4), digit=False)
    assert np.flatnonzero(seen.any(1)).tolist() == list(range(9, 19))
    assert seen[14, 4:24].tolist() == [255] * 20


def test_a_photograph_of_uneven_light_is_read() -> None:
    image = Image.new("L", (300, 400), 255)
    ImageDraw.Draw(image).line([(80, 100), (220, 100), (140, 300)], fill=0, width=18)
    clean = np.asarray(image, np.float64)
    light = 0.6 * clean + 40 + np.linspace(0, 60, 400)[:, None] + np.random.default_rng(0).normal(0, 4, clean.shape)
    assert np.abs(prepare(light) - prepare(clean)).mean() < 8
    clean[350:360, 20:30] -= 20  # a faint spot is none of the digit
    assert np.abs(prepare(light) - prepare(clean)).mean() < 8


@pytest.mark.parametrize(
    ("grey", "words"),
    [
        (np.zeros((28, 28)), "an empty image"),
        (np.full((300, 200), 255), "an empty image"),
        (np.full((1, 1), 7), "an empty image"),
        ([[0, 9], [9, 0]], "an empty image"),
        ([[0, np.nan], [255, 0]], "pixels that are not numbers"),
        ([[0, np.inf], [255, 0]], "pixels that are not numbers"),
        (np.zeros(28), "not an image of rows and columns"),
        (np.zeros((28, 28, 3)), "not an image of rows and columns"),
        (np.zeros((0, 28)), "not an image of rows and columns"),
    ],
)
def test_what_is_no_picture_is_refused(grey: Any, words: str) -> None:
    for digit in (True, False):
        with pytest.raises(ValueError, match=words):
            prepare(grey, digit=digit)


@settings(max_examples=dose(400))
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 70), st.integers(1, 70))), st.booleans())
def test_any_picture_is_prepared_or_empty(grey: NDArray[np.uint8], digit: bool) -> None:
    with suppress(ValueError):
        seen = prepare(grey, digit=digit)
        assert (seen.shape, seen.dtype.name) == ((28, 28), "float32")
        assert seen.min() >= 0
        assert seen.max() == pytest.approx(255)


@settings(max_examples=dose(200))
@given(st.integers(1, 200), st.integers(1, 40))
def test_each_pixel_is_a_mean_of_others(pixels: int, into: int) -> None:
    found = shares(pixels, into)
    assert found.shape == (into, pixels)
    assert np.allclose(found.sum(1), 1)
    assert (shares(pixels, pixels) == np.eye(pixels)).all()


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)])
def test_what_is_transparent_is_paper(ink: int, paper: int) -> None:
    image = Image.new("RGBA", (40, 40))
    image.paste((ink, ink, ink, 255), (10, 10, 15, 30))
    grey = brightness(image)
    assert grey[0, 0] == pytest.approx(paper)
    assert grey[20, 12] == pytest.approx(ink)


MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F")
"""Of Pillow."""


def a_stroke(mode: str) -> tuple[NDArray[np.uint8], Image.Image]:
    """Return a stroke, 0 to 255, and the same as an image of a mode: 65535 is white where it has whole numbers."""
    drawn = np.zeros((40, 40), np.uint8)
    drawn[10:30, 18:22] = 255
    deep = {"I;16": "uint16", "I": "int32", "F": "float32"}.get(mode)
    if deep is None:
        return drawn, Image.fromarray(drawn).convert(mode)
    return drawn, Image.fromarray(drawn.astype(deep) * (100 if mode == "F" else 257))


def test_a_large_picture_is_made_smaller_first() -> None:
    image = Image.new("L", (3000, 1500))
    image.paste(255, (1400, 300, 1600, 1200))
    assert brightness(image).shape == (500, 1000)


def test_a_picture_of_its_own_size_is_fitted_as_it_is() -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (31, 17, 3), np.uint8)
    assert (fit(pixels(Image.fromarray(drawn), 3), 31, 17) == np.moveaxis(drawn, 2, 0)).all()
    assert (fit(pixels(Image.fromarray(drawn[..., 0]), 1), 31, 17) == drawn[None, ..., 0]).all()


def test_a_picture_is_fitted_whole_and_its_proportions_are_kept() -> None:
    wide = np.full((1, 10, 40), 80.0)
    found = fit(wide, 20, 20)[0]
    assert np.flatnonzero(found.any(1)).tolist() == list(range(7, 12))
    assert (found[7:12] == 80).all()
    assert (fit(wide.transpose(0, 2, 1), 20, 20)[0] == found.T).all()


@pytest.mark.parametrize("mode", MODES)
def test_pictures_of_every_mode_are_alike(mode: str) -> None:
    drawn, image = a_stroke(mode)
    assert image.mode == mode
    assert np.abs(prepare(brightness(image)) - prepare(drawn)).max() < 1
    for channels in (1, 3):
        found = pixels(image, channels)
        assert found.shape == (channels, 40, 40)
        assert np.abs(found - drawn).max() < 1e-9


@pytest.mark.parametrize("kind", ["uint16", "int32"])
def test_sixteen_bits_are_eight_and_never_stretched(kind: str) -> None:
    drawn = np.random.default_rng(0).integers(0, 26, (9, 7)).astype(np.uint8)
    deep = Image.fromarray(drawn.astype(kind) * 257)
    assert (fit(pixels(deep, 1), 9, 7)[0] == drawn).all()
    assert brightness(deep).max() == pytest.approx(drawn.max())


@pytest.mark.parametrize(("kind", "white"), [("int32", 2_000_000_000), ("float32", 1.0), ("float32", 4000.0)])
def test_the_brightest_of_thirty_two_bits_is_white(kind: str, white: float) -> None:
    deep = Image.fromarray(np.array([[0, white / 2], [white, 0]]).astype(kind))
    assert pixels(deep, 1)[0] == pytest.approx(np.array([[0, 127.5], [255, 0]]))


def test_what_is_transparent_is_black_in_a_picture_as_it_is() -> None:
    image = Image.new("RGBA", (4, 4), (200, 100, 50, 0))
    image.putpixel((1, 2), (200, 100, 50, 255))
    found = pixels(image, 3)
    assert found[:, 2, 1].tolist() == [200, 100, 50]
    assert found.sum() == 350


@settings(max_examples=dose(200))
@given(
    arrays.arrays(np.uint8, st.tuples(st.sampled_from([1, 3]), st.integers(1, 70), st.integers(1, 70))),
    st.integers(4, 40), st.integers(4, 40),
)  # fmt: skip
def test_any_picture_is_fitted(picture: NDArray[np.uint8], height: int, width: int) -> None:
    found = fit(picture, height, width)
    assert (found.shape, found.dtype.name) == ((len(picture), height, width), "float32")
    assert found.min() >= 0
    assert found.max() <= picture.max() + 1e-3


@pytest.mark.parametrize("picture", [np.zeros((1, 0, 3)), np.full((3, 4, 4), np.nan), np.full((1, 4, 4), np.inf)])
def test_what_has_no_pixels_is_not_fitted(picture: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="without pixels"):
        fit(picture, 8, 8)


def content(form: str, size: tuple[int, int] = (30, 40)) -> bytes:
    image = Image.new("L", size, 255)
    image.paste(0, (10, 5, 14, 35))
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_a_picture_is_read(tmp_path: Path, form: str) -> None:
    (tmp_path / "picture").write_bytes(content(form))
    grey = read(tmp_path / "picture")
    assert grey.shape == (40, 30)
    assert grey[0, 0] > 240
    assert grey[20, 12] < 15


def test_a_photograph_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    buffer = io.BytesIO()
    Image.new("L", (30, 40)).save(buffer, "JPEG", exif=exif)
    assert parse(buffer.getvalue(), "photo.jpg").shape == (30, 40)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for path, reason in ((tmp_path / "text.png", "not a readable image"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(PictureError, match=rf"{path.name}: {reason}"):
            read(path)
    with pytest.raises(PictureError, match="cannot be read"):
        read(tmp_path)
    with pytest.raises(PictureError):  # another program would read it
        parse(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "picture.eps")


def test_beside_the_closed_test_set_pictures_of_such_names_are_read(tmp_path: Path) -> None:
    close_test_set()
    (tmp_path / "t10k-0.png").write_bytes(content("PNG"))
    assert read(tmp_path / "t10k-0.png").shape == (40, 30)
    with pytest.raises(PictureError, match=r"t10k-images-idx3-ubyte: the test set cannot be read here\.$"):
        read(tmp_path / "t10k-images-idx3-ubyte")


def test_what_is_too_large_is_refused_before_it_is_decoded() -> None:
    bomb = bytearray(content("PNG"))
    for side in (8_000, 60_000):
        bomb[16:24] = side.to_bytes(4, "big") * 2  # the size that the header tells
        bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
        with pytest.raises(PictureError, match=r"bomb\.png: more than 50,000,000 pixels"):
            parse(bytes(bomb), "bomb.png")
    with pytest.raises(PictureError, match="larger than 50,000,000 bytes"):
        parse(bytes(MAX_BYTES + 1), "long.png")


@settings(max_examples=dose(300))
@given(st.sampled_from(FORMATS), st.integers(0, 400), st.binary(max_size=8))
def test_a_damaged_picture_is_read_or_refused(form: str, place: int, damage: bytes) -> None:
    whole = content(form)
    at = place % len(whole)
    with suppress(PictureError):
        assert parse(whole[:at] + damage + whole[at + len(damage) :], "damaged").ndim == 2


def test_the_pictures_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "inside.png").mkdir()
    assert [path.name for path in in_folder(tmp_path)] == ["a.jpg", "b.PNG"]


def channels(data: Dataset) -> NDArray[np.float32]:
    return pictures(data, 100)[:, None]


def labels(data: Dataset) -> list[int]:
    found: list[int] = data.labels[data.validation[:100]].tolist()
    return found


def test_digits_like_mnists_are_ready_and_others_on_black_can_be_drawn(digits: Dataset) -> None:
    seen = channels(digits)
    for found, ready, drawn in (
        (seen, True, True),
        (np.roll(seen, 3, axis=2), False, True),
        (255 - seen, False, False),
        (seen.repeat(3, axis=1), False, False),
        (seen[:, :, 4:-4, 4:-4], False, False),
    ):
        assert is_ready(found, labels(digits)) is ready
        if found.shape[2] == 28:
            assert draws_on_black(found, labels(digits)) is drawn
    assert not draws_on_black([], [])


def test_a_few_that_are_otherwise_do_not_matter(digits: Dataset) -> None:
    mixed = channels(digits).copy()
    mixed[:9] = 0
    assert is_ready(mixed, labels(digits))
    mixed[:12] = 0
    assert not is_ready(mixed, labels(digits))


def test_a_class_that_is_otherwise_matters_however_many_the_others_are(digits: Dataset) -> None:
    mixed = channels(digits).copy()
    mixed[91:] = 255 - mixed[91:]
    assert is_ready(mixed, labels(digits))
    of_two = [0] * 91 + [1] * 9
    assert not is_ready(mixed, of_two)
    assert not draws_on_black(mixed, of_two)


def test_a_sample_has_all_classes_whatever_their_order() -> None:
    in_order = np.repeat([3, 5, 8], [1000, 400, 20])
    assert np.bincount(in_order[sample(in_order)]).tolist() == [0, 0, 0, 67, 0, 67, 0, 0, 20]
    assert len(sample(np.arange(1000))) == 1000
    assert sample(np.array([], int)).tolist() == []
