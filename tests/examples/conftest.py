"""A tiny data set in the layout of QaTa-COV19, made of phantoms."""

import shutil
from pathlib import Path

import pytest

from tests.examples.writers import draw_chests, write_annotation

COUNTS = {"train": 28, "valid": 6, "test": 6}


@pytest.fixture
def tiny_qata(tmp_path: Path) -> Path:
    return write_annotation(tmp_path / "qata", draw_chests(COUNTS, {part: f"{part}-{{}}" for part in COUNTS}))


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


@pytest.fixture
def spare_bert(tiny_bert, tmp_path) -> Path:
    """A copy of the tiny BERT that a test may spoil."""
    return Path(shutil.copytree(tiny_bert, tmp_path / "spare"))
