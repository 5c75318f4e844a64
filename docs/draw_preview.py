"""Take the picture of a preview page in a headless Chromium, on drawn chests: python docs/draw_preview.py."""

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from playwright.sync_api import sync_playwright

from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip, ZoneMix
from crossmodal_aug.preview import write_page

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "examples" / "semimedref"))

from semimedref.data.phantom import ROWS, draw_phantom  # noqa: E402  (the example is a script's folder, not a package)

PICTURE = ROOT / "docs" / "assets" / "preview.png"


def main() -> None:
    """Draw the picture."""
    chests = [draw_phantom(224, (3, index)) for index in range(6)]
    images, masks = (
        torch.from_numpy(np.stack([getattr(chest, name) for chest in chests])).unsqueeze(1)
        for name in ("image", "mask")
    )
    texts = [chest.caption for chest in chests]
    texts[2] = "COVID-19 pneumonia."
    names = [f"phantom-{index}" for index in range(len(texts))]
    parser = PositionParser(LUNG_ZONES.with_geometry(rows=ROWS))
    ops = {"zone-mix:unit=region,p=1.0": ZoneMix(parser, unit="region", p=1.0), "sync-flip": SyncFlip(parser)}
    browser = os.environ.get("CROSSMODAL_AUG_BROWSER") or shutil.which("chromium")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = write_page(Path(folder, "preview.html"), ops, images, texts, masks, names=names, seed=4)
        started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        opened = started.new_page(viewport={"width": 1280, "height": 1180}, color_scheme="light")
        opened.goto(page.as_uri())
        opened.click("article:nth-of-type(2)")
        opened.evaluate("window.scrollTo(0, 0)")
        opened.screenshot(path=PICTURE)
        started.close()
    with Image.open(PICTURE) as picture:
        # The octree keeps the few pixels of the outlines in their colours, which the default averages into greys.
        picture.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
