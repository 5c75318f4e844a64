"""A tiny data set in the layout of QaTa-COV19, made of phantoms."""

import importlib
import shutil
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from PIL import Image
from semimedref import cli, drawing
from semimedref.data import phantom
from semimedref.data.phantom import draw_phantom

from tests.examples.keeping import STEPS, TINY, Shell
from tests.examples.writers import draw_chests, write_annotation

COUNTS = {"train": 28, "valid": 6, "test": 6}


@pytest.fixture(scope="session", autouse=True)
def phantoms_drawn_once() -> Iterator[None]:
    """Draw each phantom of the data set once a process: every run on phantoms needs all 1300, and they never change."""
    kept = lru_cache(maxsize=None)(draw_phantom)

    def once(*given: object, **named: object) -> object:
        # Lists come from elsewhere: pictures of the docs, which may be drawn in the same process.
        of_the_data_set = not any(isinstance(one, list) for one in given)
        return (kept if of_the_data_set else draw_phantom)(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        # What is drawn is stacked into new tensors, so that no run can write into what the next one gets.
        patch.setattr(phantom, "draw_phantom", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def pictures_are_coarse() -> Iterator[None]:
    """Draw the pictures of runs and reports with fewer dots: every run draws some, and no test counts their pixels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(drawing.FONTS, "figure.dpi", 40)
        yield


@pytest.fixture(scope="session")
def whole_qata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny data set, for tests that leave it as it is."""
    chests = draw_chests(COUNTS, {part: f"{part}-{{}}" for part in COUNTS})
    return write_annotation(tmp_path_factory.mktemp("data") / "qata", chests)


@pytest.fixture
def tiny_qata(whole_qata: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(whole_qata, tmp_path / "qata"))


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


@pytest.fixture
def shell(monkeypatch, capsys) -> Shell:
    def call(script: str, *given: object) -> tuple[int, str, str]:
        """Run a script in this process; return its exit code, and what it wrote to stdout and stderr."""
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *map(str, given)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.run(importlib.import_module(script).main)
        return int(ended.value.code or 0), *capsys.readouterr()

    return call


@pytest.fixture(scope="session")
def drawn_run(tmp_path_factory) -> Path:
    """The folder of a run on phantoms."""
    runs = tmp_path_factory.mktemp("runs")
    given = [*TINY, *STEPS, "--labels", "0.05", "--runs", str(runs), "--name", "drawn"]
    importlib.import_module("train").main(given)
    return runs / "drawn"


@pytest.fixture
def spare_run(drawn_run, tmp_path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(drawn_run, tmp_path / "spare" / "drawn"))


@pytest.fixture
def chest(tmp_path) -> Path:
    path = tmp_path / "chest.png"
    Image.fromarray(draw_phantom(64, (9, 1)).image).save(path)
    return path
