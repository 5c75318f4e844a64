"""What the tests of the preview share: a drawn batch, every kind of op, and a page read back from its file."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from crossmodal_aug import (
    LUNG_ZONES,
    CrossModalSequential,
    Focus,
    PosAug,
    PositionParser,
    Reword,
    SyncFlip,
    SyncGeometry,
    TPatchMix,
    ZoneMix,
)
from crossmodal_aug.augment import CrossModalOp
from tests.dropin.phantoms import draw_chests

PARSER = PositionParser(LUNG_ZONES)
SILENT = "COVID-19 pneumonia."
HOSTILE = '<script>document.title = "taken"</script> opacity in the "left" lung base & <img src=x onerror=alert(1)>.'


def every_op(parser: PositionParser = PARSER) -> dict[str, CrossModalOp]:
    return {
        "flip": SyncFlip(parser, p=0.7),
        "zones": ZoneMix(parser, unit="region", p=0.7),
        "patch": TPatchMix(parser, patch_size=12, p=1.0, gate=None),
        "geometry": SyncGeometry(parser, degrees=15, scale=(0.8, 1.2), p=0.7),
        "focus": Focus(parser, unit="region", p=1.0),
        "vaguer": PosAug(parser),
        "reword": Reword(parser, p=0.7),
        "sequence": CrossModalSequential(
            SyncGeometry(parser, degrees=9), ZoneMix(parser), SyncFlip(parser), PosAug(parser)
        ),
    }


def batch(count: int = 8) -> tuple[torch.Tensor, list[str], torch.Tensor]:
    """Images, captions and masks; the last caption says nothing of places, the one before it is hostile."""
    drawn = draw_chests(count)
    images, masks = (
        torch.from_numpy(np.stack([getattr(one, name) for one in drawn])).unsqueeze(1) for name in ("image", "mask")
    )
    texts = [one.text for one in drawn]
    return images, [*texts[:-2], HOSTILE, SILENT], masks


class Page(HTMLParser):
    """A page that was written, taken apart by the parser of the standard library."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.scripts: list[dict[str, str]] = []
        self.articles: list[dict[str, object]] = []
        self._article: dict[str, object] | None = None
        self._marked = ""
        self.feed(self.html)
        blocks = re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', self.html, re.DOTALL)
        self.data = {name: json.loads(content) for name, content in blocks}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script":
            self.scripts.append(given)
        if tag == "article":
            self._article = {"label": given["aria-label"], "pictures": [], "text": "", "del": [], "ins": []}
            self.articles.append(self._article)
        if self._article is not None and tag == "img":
            self._article["pictures"].append(int(given["data-picture"]))
        if tag in ("del", "ins"):
            self._marked = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self._article = None
        if tag == self._marked:
            self._marked = ""

    def handle_data(self, data: str) -> None:
        if self._article is not None:
            self._article["text"] += data
            if self._marked:
                self._article[self._marked].append(data)

    def picture(self, number: int) -> NDArray[np.uint8]:
        kind, _, content = self.data["pictures"][number].partition(",")
        assert kind == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
            return np.asarray(picture)


def inside(path: str, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels within an outline, by the even-odd rule: an odd number of upright borders lies on their left."""
    edges = np.zeros((size[0], size[1] + 1), dtype=int)
    for x, y, length in re.findall(r"M(\d+) (\d+)v(\d+)", path):
        edges[int(y) : int(y) + int(length), int(x)] += 1
    return np.cumsum(edges, axis=1)[:, :-1] % 2 == 1
