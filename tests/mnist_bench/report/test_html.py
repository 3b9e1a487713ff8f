from __future__ import annotations

import base64
import re

from mnist_bench.plots.kinds import Picture
from mnist_bench.report import html
from support import handmade_report


def test_small_drawings_stay_drawings_and_of_large_ones_the_smaller_format_is_embedded() -> None:
    small, large = b"<svg/>", b"<svg>" + bytes(html.SMALL_SVG)
    pictures = [
        Picture(kind="history", content={"svg": svg, "png": png})
        for svg, png in ((small, b"png"), (large, b"png"), (large, large + b"more"))
    ]
    assert [html.data_uri(picture) for picture in pictures] == [
        f"data:image/svg+xml;base64,{base64.b64encode(small).decode()}",
        "data:image/png;base64,cG5n",
        f"data:image/svg+xml;base64,{base64.b64encode(large).decode()}",
    ]


def test_numbers_stand_on_the_right_and_settings_can_be_hidden() -> None:
    head = re.findall(r'<th scope="col" class="(.*?)">(.*?)</th>', html.render(handmade_report.report()))
    classes = {heading: kind for kind, heading in head}
    assert (classes["rank"], classes["state"], classes["blocks"]) == ("right", "left", "left setting")
