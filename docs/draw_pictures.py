"""Draw the pictures of the documentation, on drawn chests: python docs/draw_pictures.py."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from playwright.sync_api import sync_playwright

from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip, ZoneMix
from crossmodal_aug.preview import write_page

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "examples" / "semimedref"))

from semimedref.data.phantom import ROWS, draw_phantom, load_phantoms  # noqa: E402  (the example is a script's folder, not a package)
from semimedref.pictures import draw_ops  # noqa: E402

ASSETS = ROOT / "docs" / "assets"
PAGES = ("t-patch-mix", "zone-mix", "sync-flip", "pos-aug", "reword", "focus")


def main() -> None:
    """Draw every picture."""
    ASSETS.mkdir(exist_ok=True)
    draw_ops(ASSETS / "ops.png", load_phantoms(size=192, labels=0.05))
    with Image.open(ASSETS / "ops.png") as picture:
        picture.convert("RGB").quantize(128).save(ASSETS / "ops.png", optimize=True)
    cut_into_rows(ASSETS / "ops.png")
    draw_preview(ASSETS / "preview.png")


def draw_preview(path: Path) -> None:
    """Take a picture of a preview page in a headless Chromium, as docs/how-to/preview.md describes it."""
    chests = [draw_phantom(224, (3, index)) for index in range(6)]
    images, masks = (
        torch.from_numpy(np.stack([getattr(chest, name) for chest in chests])).unsqueeze(1)
        for name in ("image", "mask")
    )
    texts = [chest.caption for chest in chests]
    texts[2] = "COVID-19 pneumonia."
    parser = PositionParser(LUNG_ZONES.with_geometry(rows=ROWS))
    ops = {"zone-mix:unit=region,p=1.0": ZoneMix(parser, unit="region", p=1.0), "sync-flip": SyncFlip(parser)}
    browser = os.environ.get("CROSSMODAL_AUG_BROWSER") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        names = [f"phantom-{index}" for index in range(len(texts))]
        page = write_page(Path(folder) / "preview.html", ops, images, texts, masks, names=names, seed=4)
        started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        opened = started.new_page(viewport={"width": 1280, "height": 1180}, color_scheme="light")
        opened.goto(page.as_uri())
        opened.click("article:nth-of-type(2)")
        opened.evaluate("window.scrollTo(0, 0)")
        opened.screenshot(path=path)
        started.close()
    with Image.open(path) as picture:
        # The octree keeps the few pixels of the outlines in their colours, which the default averages into greys.
        picture.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE).save(path, optimize=True)


def cut_into_rows(path: Path) -> None:
    """Save each row of the picture of all ops, under the headings of the columns, for the page of that op."""
    with Image.open(path) as picture:
        width, height = picture.size
        heading = round(0.31 * 130)  # inches and dots an inch of `draw_ops`
        step = (height - heading) // len(PAGES)
        for row, page in enumerate(PAGES):
            strip = Image.new("RGB", (width, heading + step), "white")
            top = heading + row * step
            strip.paste(picture.crop((0, 0, width, heading)).convert("RGB"), (0, 0))
            strip.paste(picture.crop((0, top, width, top + step)).convert("RGB"), (0, heading))
            strip.quantize(128).save(path.with_name(f"{page}.png"), optimize=True)


if __name__ == "__main__":
    main()
