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


BERT_WORDS = (
    "bilateral unilateral pulmonary infection infected area areas no zero one two three four five six seven eight nine "
    "all upper middle lower left right lung and a region of the , ."
)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory) -> Path:
    """The folder of a BERT of 32 channels and 3 layers, in the layout that the hub has, with random weights."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *BERT_WORDS.split()]
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        # CXR-BERT too is stored with a head for language modelling, which is left out on loading.
        BertForMaskedLM(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    return folder
