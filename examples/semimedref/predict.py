"""Segment one image by its caption: writes the mask, and a picture of it over the image.

python examples/semimedref/predict.py runs/NAME/best.ckpt chest.png "unilateral pulmonary infection, left lung."
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from semimedref.checkpoints import load_trained
from semimedref.cli import OneLineParser, run
from semimedref.data.images import read_image, resize_image
from semimedref.inference import predict_logits, resize_probabilities
from semimedref.pictures import draw_overlay
from semimedref.runs import write_atomically

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.errors import InvalidValueError


def main(arguments: Sequence[str]) -> None:
    """Read image and caption, segment, write two files."""
    parser = OneLineParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="best.ckpt or last.ckpt of a run")
    parser.add_argument("image", type=Path, help="a chest X-ray that Pillow can read")
    parser.add_argument("caption", help="what to segment; left is the left of the picture")
    parser.add_argument("--out", type=Path, default=Path(), help="folder to write to (default: the current one)")
    parser.add_argument("--overwrite", action="store_true", help="replace files of an earlier prediction")
    options = parser.parse_args(arguments)

    if not options.caption.strip():
        raise InvalidValueError("Expected a caption, but got an empty one")
    mask_path, overlay_path = (options.out / f"{options.image.stem}_{kind}.png" for kind in ("mask", "overlay"))
    for path in (mask_path, overlay_path):
        if path.exists() and not options.overwrite:
            raise InvalidValueError(f"{path} exists: give --overwrite, or another --out")
    image = read_image(options.image)
    trained = load_trained(options.checkpoint)

    unknown = trained.model.unknown_words(options.caption)
    if unknown:
        print(f"note: the model never met these words: {', '.join(unknown)}")
    report = PositionParser(LUNG_ZONES)(options.caption)
    print(f"the caption names: {', '.join(report.regions) or 'no lung zone'}")
    images = resize_image(image, trained.config.size)[None]
    logits = predict_logits(trained.model, images, [options.caption])[0]
    probabilities = resize_probabilities(logits, image.shape).cpu()
    mask = (probabilities >= 0.5).numpy()
    print(f"found: {100 * mask.mean():.1f} % of the image")

    options.out.mkdir(parents=True, exist_ok=True)
    write_atomically(mask_path, Image.fromarray(255 * mask.astype(np.uint8)).save)
    draw_overlay(overlay_path, image, probabilities, options.caption)
    print(mask_path, overlay_path, sep="\n")


if __name__ == "__main__":
    run(main)
