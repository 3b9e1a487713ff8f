"""Pictures: read from files, prepared like MNIST's, and of which kind they are."""

from __future__ import annotations

import io
import re
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


def test_the_digit_fills_twenty_pixels_around_its_centre_of_mass_and_what_is_none_is_fitted_whole() -> None:
    paper = np.zeros((90, 300))
    paper[20:60, 200:210] = 200
    seen = prepare(paper)
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    assert (len(rows), len(columns), int(seen.max())) == (20, 5, 255)
    for mass in (seen.sum(0), seen.sum(1)):
        assert abs(mass @ np.arange(28) / mass.sum() - 14) <= 0.5
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
        (np.full((1, 1), 7), "an empty image"),
        ([[0, 9], [9, 0]], "an empty image"),
        ([[0, np.nan], [255, 0]], "pixels that are not numbers"),
        ([[0, np.inf], [255, 0]], "pixels that are not numbers"),
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


def test_what_is_transparent_is_paper_and_black_in_a_picture_as_it_is() -> None:
    for ink, paper in ((0, 255), (255, 0)):
        image = Image.new("RGBA", (40, 40))
        image.paste((ink, ink, ink, 255), (10, 10, 15, 30))
        grey = brightness(image)
        assert (grey[0, 0], grey[20, 12]) == pytest.approx((paper, ink))
    image = Image.new("RGBA", (4, 4), (200, 100, 50, 0))
    image.putpixel((1, 2), (200, 100, 50, 255))
    found = pixels(image, 3)
    assert found[:, 2, 1].tolist() == [200, 100, 50]
    assert found.sum() == 350


def test_a_large_picture_is_made_smaller_first() -> None:
    image = Image.new("L", (3000, 1500))
    image.paste(255, (1400, 300, 1600, 1200))
    assert brightness(image).shape == (500, 1000)


def test_a_picture_is_fitted_whole_in_its_proportions_and_one_of_its_own_size_as_it_is() -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (31, 17, 3), np.uint8)
    assert (fit(pixels(Image.fromarray(drawn), 3), 31, 17) == np.moveaxis(drawn, 2, 0)).all()
    assert (fit(pixels(Image.fromarray(drawn[..., 0]), 1), 31, 17) == drawn[None, ..., 0]).all()
    wide = np.full((1, 10, 40), 80.0)
    found = fit(wide, 20, 20)[0]
    assert np.flatnonzero(found.any(1)).tolist() == list(range(7, 12))
    assert (found[7:12] == 80).all()
    assert (fit(wide.transpose(0, 2, 1), 20, 20)[0] == found.T).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_pictures_of_every_mode_are_alike(mode: str) -> None:
    drawn = np.zeros((40, 40), np.uint8)
    drawn[10:30, 18:22] = 255
    image = Image.fromarray(drawn)
    if deep := {"I;16": "uint16", "I": "int32", "F": "float32"}.get(mode):  # 65535 is white
        image = Image.fromarray(drawn.astype(deep) * (100 if mode == "F" else 257))
    else:
        image = image.convert(mode)
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


def content(form: str, **more: Any) -> bytes:
    """Return the file of a dark stroke on white, 30 pixels wide and 40 high."""
    image, buffer = Image.new("L", (30, 40), 255), io.BytesIO()
    image.paste(0, (10, 5, 14, 35))
    image.save(buffer, form, **more)
    return buffer.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_a_picture_is_read_and_a_photograph_stands_upright(tmp_path: Path, form: str) -> None:
    (tmp_path / "picture").write_bytes(content(form))
    grey = read(tmp_path / "picture")
    assert grey.shape == (40, 30)
    assert (grey[0, 0] > 240, grey[20, 12] < 15) == (True, True)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    assert parse(content("JPEG", exif=exif), "photo.jpg").shape == (30, 40)


def bomb(side: int) -> bytes:
    """Return a picture whose header tells another size."""
    made = bytearray(content("PNG"))
    made[16:24] = side.to_bytes(4, "big") * 2
    made[29:33] = zlib.crc32(bytes(made[12:29])).to_bytes(4, "big")
    return bytes(made)


@pytest.mark.parametrize(
    ("name", "made", "reason"),
    [
        ("text.png", b"no picture", "text.png: not a readable image"),
        ("none", None, "none: cannot be read"),
        (".", None, "cannot be read"),
        # Another program would read it.
        ("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "a.eps: not a readable image"),
        ("bomb.png", bomb(8_000), "bomb.png: more than 50,000,000 pixels"),
        ("bomb.png", bomb(60_000), "bomb.png: more than 50,000,000 pixels"),
        ("long.png", bytes(MAX_BYTES + 1), "larger than 50,000,000 bytes"),
    ],
)
def test_what_is_no_picture_or_too_large_is_refused_before_it_is_decoded(
    tmp_path: Path, name: str, made: bytes | None, reason: str
) -> None:
    if made is not None:
        (tmp_path / name).write_bytes(made)
    with pytest.raises(PictureError, match=re.escape(reason)):
        read(tmp_path / name)


def test_beside_the_closed_test_set_pictures_of_such_names_are_read(tmp_path: Path) -> None:
    close_test_set()
    (tmp_path / "t10k-0.png").write_bytes(content("PNG"))
    assert read(tmp_path / "t10k-0.png").shape == (40, 30)
    with pytest.raises(PictureError, match=r"t10k-images-idx3-ubyte: the test set cannot be read here\.$"):
        read(tmp_path / "t10k-images-idx3-ubyte")


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


def test_digits_like_mnists_are_ready_and_others_on_black_can_be_drawn(digits: Dataset) -> None:
    seen, labels = pictures(digits, 100)[:, None], digits.labels[digits.validation[:100]].tolist()
    nine, twelve, a_class = (seen.copy() for _ in range(3))
    nine[:9], twelve[:12] = 0, 0
    a_class[91:] = 255 - a_class[91:]
    of_two = [0] * 91 + [1] * 9
    for found, classes, ready, drawn in (
        (seen, labels, True, True),
        (np.roll(seen, 3, axis=2), labels, False, True),
        (255 - seen, labels, False, False),
        (seen.repeat(3, axis=1), labels, False, False),
        (seen[:, :, 4:-4, 4:-4], labels, False, None),
        # A few that are otherwise do not matter; a class does, however many the others are.
        (nine, labels, True, None),
        (twelve, labels, False, None),
        (a_class, labels, True, None),
        (a_class, of_two, False, False),
    ):
        assert is_ready(found, classes) is ready
        assert drawn is None or draws_on_black(found, classes) is drawn
    assert not draws_on_black([], [])


def test_a_sample_has_all_classes_whatever_their_order() -> None:
    in_order = np.repeat([3, 5, 8], [1000, 400, 20])
    assert np.bincount(in_order[sample(in_order)]).tolist() == [0, 0, 0, 67, 0, 67, 0, 0, 20]
    assert len(sample(np.arange(1000))) == 1000
    assert sample(np.array([], int)).tolist() == []
