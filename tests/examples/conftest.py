"""A tiny data set in the layout of QaTa-COV19, made of phantoms."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from semimedref.data.phantom import draw_phantom

COUNTS = {"train": 28, "valid": 6, "test": 6}


def write_qata(root: Path, size: int = 32) -> Path:
    annotation: dict[str, list[dict[str, str]]] = {}
    for number, (part, count) in enumerate(COUNTS.items()):
        for folder in ("images", "masks"):
            (root / part / folder).mkdir(parents=True)
        annotation[part] = []
        for index in range(count):
            drawn = draw_phantom(size, (number, index))
            name = f"{part}-{index}.png"
            Image.fromarray(drawn.image).save(root / part / "images" / name)
            Image.fromarray(255 * drawn.mask.astype(np.uint8)).save(root / part / "masks" / f"mask_{name}")
            annotation[part].append({"image_path": f"mask_{name}", "caption": drawn.caption})
    (root / "annotation.json").write_text(json.dumps(annotation))
    return root


@pytest.fixture
def tiny_qata(tmp_path: Path) -> Path:
    return write_qata(tmp_path / "qata")
