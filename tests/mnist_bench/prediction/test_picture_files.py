"""Pictures in files: read, or refused in a sentence."""

from __future__ import annotations

import io
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from mnist_bench.data.idx import close_test_set
from mnist_bench.errors import PictureError
from mnist_bench.prediction import picture_files
from support.dose import dose


def content(form: str, size: tuple[int, int] = (30, 40)) -> bytes:
    image = Image.new("L", size, 255)
    image.paste(0, (10, 5, 14, 35))
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize("form", picture_files.FORMATS)
def test_a_picture_is_read(tmp_path: Path, form: str) -> None:
    (tmp_path / "picture").write_bytes(content(form))
    grey = picture_files.read(tmp_path / "picture")
    assert grey.shape == (40, 30)
    assert grey[0, 0] > 240
    assert grey[20, 12] < 15


def test_a_photograph_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    buffer = io.BytesIO()
    Image.new("L", (30, 40)).save(buffer, "JPEG", exif=exif)
    assert picture_files.parse(buffer.getvalue(), "photo.jpg").shape == (30, 40)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for path, reason in ((tmp_path / "text.png", "not a readable image"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(PictureError, match=rf"{path.name}: {reason}"):
            picture_files.read(path)
    with pytest.raises(PictureError, match="cannot be read"):
        picture_files.read(tmp_path)
    with pytest.raises(PictureError):  # another program would read it
        picture_files.parse(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "picture.eps")


def test_beside_the_closed_test_set_pictures_of_such_names_are_read(tmp_path: Path) -> None:
    close_test_set()
    (tmp_path / "t10k-0.png").write_bytes(content("PNG"))
    assert picture_files.read(tmp_path / "t10k-0.png").shape == (40, 30)
    with pytest.raises(PictureError, match=r"t10k-images-idx3-ubyte: the test set cannot be read here\.$"):
        picture_files.read(tmp_path / "t10k-images-idx3-ubyte")


def test_what_is_too_large_is_refused_before_it_is_decoded() -> None:
    bomb = bytearray(content("PNG"))
    for side in (8_000, 60_000):
        bomb[16:24] = side.to_bytes(4, "big") * 2  # the size that the header tells
        bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
        with pytest.raises(PictureError, match=r"bomb\.png: more than 50,000,000 pixels"):
            picture_files.parse(bytes(bomb), "bomb.png")
    with pytest.raises(PictureError, match="larger than 50,000,000 bytes"):
        picture_files.parse(bytes(picture_files.MAX_BYTES + 1), "long.png")


@settings(max_examples=dose(300))
@given(st.sampled_from(picture_files.FORMATS), st.integers(0, 400), st.binary(max_size=8))
def test_a_damaged_picture_is_read_or_refused(form: str, place: int, damage: bytes) -> None:
    whole = content(form)
    at = place % len(whole)
    with suppress(PictureError):
        assert picture_files.parse(whole[:at] + damage + whole[at + len(damage) :], "damaged").ndim == 2


def test_the_pictures_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "inside.png").mkdir()
    assert [path.name for path in picture_files.in_folder(tmp_path)] == ["a.jpg", "b.PNG"]
