"""The doctor on a data set of drawn chests in which faults were planted: python docs/examples/examine_a_data_set.py.

With the name of a file, its page is written there too.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from drawn import draw_chests
from PIL import Image

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.doctor import examine

PARTS = {"train": 80, "test": 40}


def write_set(root: Path) -> None:
    """Write drawn chests as a data set, in the layout with `annotation.json`, and plant faults."""
    rows = {}
    for seed, (part, count) in enumerate(PARTS.items()):
        chests = draw_chests(count, PositionParser(LUNG_ZONES), seed=seed)
        for folder in ("images", "masks"):
            (root / part / folder).mkdir(parents=True)
        rows[part] = [
            {"image": f"sub-{1000 * seed + n:04d}.png", "caption": caption} for n, caption in enumerate(chests.captions)
        ]
        for row, image, mask in zip(rows[part], chests.images, chests.masks, strict=True):
            save(255 * image, root / part / "images" / row["image"])
            save(255 * mask, root / part / "masks" / f"mask_{row['image']}")
    train, test = rows["train"], rows["test"]
    # Swapped captions, silent ones, a mask that is missing, one with classes, and a patient of both parts.
    parser = PositionParser(LUNG_ZONES)
    first = set(parser(train[0]["caption"]).regions)
    other = next(row for row in train if first.isdisjoint(parser(row["caption"]).regions))
    train[0]["caption"], other["caption"] = other["caption"], train[0]["caption"]
    for row in train[10:13]:
        row["caption"] = "COVID-19 pneumonia."
    masks = root / "train" / "masks"
    (masks / f"mask_{train[20]['image']}").unlink()
    odd = masks / f"mask_{train[21]['image']}"
    with Image.open(odd) as mask:
        classes = mask.point(lambda value: value // 255)
    classes.putpixel((0, 0), 2)
    classes.save(odd)
    name = f"{Path(train[30]['image']).stem}_again.png"
    for folder, prefix in (("images", ""), ("masks", "mask_")):
        (root / "test" / folder / f"{prefix}{test[0]['image']}").rename(root / "test" / folder / f"{prefix}{name}")
    test[0]["image"] = name
    (root / "annotation.json").write_text(json.dumps(rows))


def save(pixels, path: Path) -> None:
    """Write a picture."""
    Image.fromarray(pixels[0].round().clamp(0, 255).byte().numpy()).save(path)


def main() -> None:
    """Write the set, examine it, and print what was found."""
    with TemporaryDirectory() as folder:
        write_set(Path(folder))
        found = examine(folder, size=48)
        print(found.as_table(96))
        if sys.argv[1:]:
            found.write_html(sys.argv[1])
    planted = {"contradicted-captions", "silent-captions", "missing-masks", "mask-classes", "patients-across-parts"}
    assert planted <= set(found.names("mend", "look"))


if __name__ == "__main__":
    main()
