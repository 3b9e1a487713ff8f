"""A digit drawn in a real Chromium is read: by mouse and keyboard, on a phone, in the dark, in the report too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from mnist_bench.config.settings import AugmentConfig, ModelConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.tensors import load_dataset
from mnist_bench.export import drawing_page
from mnist_bench.export.winner import Winner
from mnist_bench.numerics import device
from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.report import page
from support import handmade_report, winners
from support.processes import until

if TYPE_CHECKING:
    from browser.conftest import Browser

pytestmark = pytest.mark.browser

Stroke = Sequence[tuple[float, float]]
DIGITS: dict[str, list[Stroke]] = {
    "1": [[(0.5, 0.15), (0.5, 0.85)]],
    "7": [[(0.28, 0.22), (0.72, 0.22), (0.45, 0.82)]],
    "8": [
        [
            (0.5, 0.5), (0.35, 0.36), (0.38, 0.2), (0.5, 0.15), (0.62, 0.2), (0.65, 0.36), (0.5, 0.5), (0.33, 0.64),
            (0.35, 0.8), (0.5, 0.86), (0.65, 0.8), (0.67, 0.64), (0.5, 0.5),
        ]
    ],
}  # fmt: skip
"""Strokes of each digit, as shares of the paper's width and height."""


BARS = "return Array.from(document.querySelectorAll('.bars b'), (bar) => parseFloat(bar.textContent))"


@pytest.fixture(scope="module")
def winner() -> Winner:
    """Return a net that was trained on 10,000 images for two epochs."""
    model = ModelConfig(blocks=2, filters=8, batchnorm="before_activation", hidden_units=32)
    augment = AugmentConfig(rotation_degrees=10, zoom=0.1, shear_radians=0.1)
    data = load_dataset(DataOptions(subset=12_000), device.setup("cpu")[0])
    return winners.winner(winners.config(model, augment=augment), data)


@pytest.fixture(scope="module")
def draw_file(winner: Winner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "draw.html"
    path.write_text(drawing_page.page(winner))
    return path


def opened(browser: Browser, path: Path) -> None:
    browser.open(path)
    until(lambda: browser.run("return document.querySelector('.drawing').dataset.ready !== undefined"))


def draw(browser: Browser, strokes: Sequence[Stroke]) -> None:
    """Draw with the mouse."""
    browser.run("document.querySelector('.paper').scrollIntoView({block: 'center', behavior: 'instant'})")
    box = browser.run("return document.querySelector('.paper').getBoundingClientRect().toJSON()")

    def mouse(kind: str, x: float, y: float, buttons: int) -> None:
        at = {"x": box["left"] + x * box["width"], "y": box["top"] + y * box["height"]}
        browser.command("Input.dispatchMouseEvent", type=kind, button="left", buttons=buttons, clickCount=1, **at)

    for stroke in strokes:
        mouse("mousePressed", *stroke[0], 1)
        for point in stroke[1:]:
            mouse("mouseMoved", *point, 1)
        mouse("mouseReleased", *stroke[-1], 0)


def verdict(browser: Browser) -> str:
    """Return what the page says once it has computed."""
    browser.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")
    said: str = browser.run("return document.querySelector('.verdict').textContent")
    return said


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (360, "dark")])
def test_a_one_a_seven_and_an_eight_are_read(browser: Browser, draw_file: Path, width: int, scheme: str) -> None:
    browser.size(width)
    browser.scheme(scheme)
    opened(browser, draw_file)
    for digit, strokes in DIGITS.items():
        assert verdict(browser) == "Draw a digit."
        draw(browser, strokes)
        assert verdict(browser) == digit
        bars = browser.run(BARS)
        assert max(bars) == bars[int(digit)]
        assert sum(bars) == pytest.approx(100, abs=0.5)
        browser.driver.find_element(By.CSS_SELECTOR, ".clear").click()
    assert browser.console() == []
    assert browser.requests() == [draw_file.as_uri()]
    widths = "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
    assert browser.run(widths) == [width, width]


RED = winners.drawn(ModelConfig(blocks=1, filters=8), replace(MNIST, channels=3), red=True)


@pytest.mark.parametrize("made", [winners.drawn(), RED], ids=["grey", "red"])
def test_what_the_net_sees_is_what_predict_sees(browser: Browser, tmp_path: Path, made: Winner) -> None:
    path = tmp_path / "draw.html"
    path.write_text(drawing_page.page(made))
    opened(browser, path)
    draw(browser, DIGITS["7"])
    verdict(browser)
    read = """
        const pixels = (name) => {
            const canvas = document.querySelector(name);
            return Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
        };
        return [pixels(".paper"), pixels(".seen")];
    """
    paper, seen = (np.reshape(pixels, (-1, 4)) for pixels in browser.run(read))
    prepared = made.model.prepared(255.0 - paper[:, 3].reshape(280, 280), "the paper")
    colours = seen[:, :3].T.reshape(3, 28, 28)
    assert np.abs(colours - prepared).max() <= 1
    assert browser.console() == []


def test_the_keyboard_draws_and_clears(browser: Browser, draw_file: Path) -> None:
    opened(browser, draw_file)
    keys = browser.driver.find_element(By.TAG_NAME, "body")
    keys.send_keys(Keys.TAB)
    paper = browser.driver.switch_to.active_element
    assert paper.get_attribute("class") == "paper"
    outline = "return getComputedStyle(document.querySelector('.sheet')).outlineStyle"
    assert browser.run(outline) == "solid"
    paper.send_keys(Keys.ARROW_UP * 9, Keys.SPACE, Keys.ARROW_DOWN * 18, Keys.SPACE, Keys.ARROW_LEFT * 3)
    assert verdict(browser) == "1"
    paper.send_keys(Keys.ESCAPE)
    assert verdict(browser) == "Draw a digit."
    paper.send_keys(Keys.TAB)
    button = browser.driver.switch_to.active_element
    assert button.text.startswith("Clear")
    button.send_keys(Keys.ENTER)
    assert browser.driver.switch_to.active_element.get_attribute("class") == "paper"


def test_a_finger_draws_too(browser: Browser, draw_file: Path) -> None:
    browser.size(360)
    opened(browser, draw_file)
    box = browser.run("return document.querySelector('.paper').getBoundingClientRect().toJSON()")
    points = [{"x": box["left"] + x * box["width"], "y": box["top"] + y * box["height"]} for x, y in DIGITS["7"][0]]
    browser.command("Input.dispatchTouchEvent", type="touchStart", touchPoints=points[:1])
    for point in points[1:]:
        browser.command("Input.dispatchTouchEvent", type="touchMove", touchPoints=[point])
    browser.command("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    assert verdict(browser) == "7"
    assert browser.run("return scrollY") == 0


def test_classes_with_names_are_called_so_the_most_probable_of_many_alone(browser: Browser, tmp_path: Path) -> None:
    names = tuple(f"kind {label}" for label in range(30))
    form = PictureForm(channels=1, height=20, width=20, classes=30)
    drawn = winners.drawn(ModelConfig(blocks=1, filters=8), form, drawn=False, digits=False, names=names)
    path = tmp_path / "draw.html"
    path.write_text(drawing_page.page(drawn))
    browser.size(360)
    opened(browser, path)
    assert verdict(browser) == "Draw a picture."
    draw(browser, DIGITS["1"])
    said = verdict(browser)
    shown = browser.run("return Array.from(document.querySelectorAll('.bars em'), (name) => name.textContent)")
    shares = browser.run(BARS)
    assert (len(shown), said, {*shown} <= {*names}) == (10, shown[0], True)
    assert shares == sorted(shares, reverse=True)
    assert browser.console() == []
    assert browser.run("return document.documentElement.scrollWidth") == 360


def test_the_report_reads_a_digit_too(browser: Browser, winner: Winner, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page.render(handmade_report.report(), drawing_page.drawing(winner)))
    opened(browser, path)
    draw(browser, DIGITS["1"])
    assert verdict(browser) == "1"
    assert browser.console() == []
