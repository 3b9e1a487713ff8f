from __future__ import annotations

import base64

from mnist_bench.plots.drawing import Picture
from mnist_bench.report import html


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
