"""Draw the pictures of the documentation, on drawn chests: python docs/draw_pictures.py."""

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "examples" / "semimedref"))

from semimedref.data.phantom import load_phantoms  # noqa: E402  (the example is a script's folder, not a package)
from semimedref.pictures import draw_ops  # noqa: E402

ASSETS = ROOT / "docs" / "assets"


def main() -> None:
    """Draw every picture."""
    ASSETS.mkdir(exist_ok=True)
    draw_ops(ASSETS / "ops.png", load_phantoms(size=192, labels=0.05))
    with Image.open(ASSETS / "ops.png") as picture:
        picture.convert("RGB").quantize(128).save(ASSETS / "ops.png", optimize=True)


if __name__ == "__main__":
    main()
