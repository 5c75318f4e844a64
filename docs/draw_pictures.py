"""Draw every picture of the documentation, on drawn chests: python docs/draw_pictures.py."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import draw_gallery
import draw_preview
import draw_problem
from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "examples" / "semimedref"))

from semimedref.data.phantom import load_phantoms  # noqa: E402  (the example is a script's folder, not a package)
from semimedref.pictures import draw_ops  # noqa: E402

ASSETS = ROOT / "docs" / "assets"
PAGES = ("t-patch-mix", "zone-mix", "sync-flip", "pos-aug", "reword", "focus")


def main() -> None:
    """Draw every picture."""
    draw_problem.main()
    draw_gallery.main()
    draw_preview.main()
    with TemporaryDirectory() as folder:
        path = Path(folder, "ops.png")
        draw_ops(path, load_phantoms(size=192, labels=0.05))
        cut_into_rows(path)


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
            strip.quantize(128).save(ASSETS / f"{page}.png", optimize=True)


if __name__ == "__main__":
    main()
