"""LViT-like: the loader hands over a word embedding looked up by file name; sentences stay behind in a table.

Changed: 11 lines. The op needs sentences, so they are looked up again by name, and each new one is embedded once.
"""

# --- crossmodal_aug
import functools

# ---
import re
import zlib

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

# --- crossmodal_aug
from crossmodal_aug import LUNG_ZONES, CrossModalSequential, PositionParser, SyncFlip, TPatchMix

# ---
from tests.dropin.phantoms import Segmenter, Step, changed_lines, check_repeats, check_steps, draw_chests, evident

WORDS = 24  # rows of an embedding
CHESTS = draw_chests(32)
SENTENCES = {chest.name: chest.text for chest in CHESTS}  # the table, read from a spreadsheet


def words_of(sentence: str) -> list[str]:
    return re.findall(r"\w+|[.,]", sentence.lower())


def embed(sentence: str) -> np.ndarray:
    """(L, 768) float32: one row a word, as a frozen language model would give them; longer sentences are cut."""
    rows = np.zeros((WORDS, 768), dtype=np.float32)
    for row, word in enumerate(words_of(sentence)[:WORDS]):
        rows[row] = np.random.default_rng(zlib.crc32(word.encode())).normal(size=768)
    return rows


class ImagesWithText(Dataset):
    """Returns ({'image', 'label', 'text'}, name)."""

    def __init__(self) -> None:
        self.names = [chest.name for chest in CHESTS]
        self.images = {chest.name: chest.image for chest in CHESTS}
        self.masks = {chest.name: chest.mask for chest in CHESTS}
        self.texts = {name: embed(SENTENCES[name]) for name in self.names}

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[dict, str]:
        name = self.names[index]
        image = torch.from_numpy(self.images[name]).float().div(255).unsqueeze(0)
        label = torch.from_numpy(self.masks[name] > 0).long()
        return {"image": image, "label": label, "text": torch.from_numpy(self.texts[name])}, name


# --- crossmodal_aug
PARSER = PositionParser(LUNG_ZONES.with_geometry(laterality="viewer"))
LIMIT = {"max_tokens": WORDS, "tokenizer": words_of}
AUGMENT = CrossModalSequential(
    TPatchMix(PARSER, patch_size=14, p=0.7, where="donor", **LIMIT), SyncFlip(PARSER, p=0.5, **LIMIT)
)
embed_once = functools.cache(lambda sentence: torch.from_numpy(embed(sentence)))
# ---


def train(seed: int, epochs: int = 2) -> list[Step]:
    torch.manual_seed(seed)
    net = Segmenter(1, 768)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    shown = []
    for _ in range(epochs):
        for batch, names in DataLoader(ImagesWithText(), batch_size=8, shuffle=True, drop_last=True):
            images, masks, text = batch["image"], batch["label"], batch["text"]
            # --- crossmodal_aug
            out = AUGMENT(images, [SENTENCES[name] for name in names], masks)
            images, masks = out.images, out.target
            text = torch.stack([embed_once(sentence) for sentence in out.texts])
            # ---
            loss = dice_and_entropy(net(images, text.mean(dim=1))[:, 0], masks)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            shown.append(Step(images, masks, out.texts, text, loss.item(), int(out.accepted.sum())))
    return shown


def dice_and_entropy(logits: Tensor, masks: Tensor) -> Tensor:
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, masks.float())
    found = logits.sigmoid()
    return entropy + 1 - (2 * (found * masks).sum() + 1) / (found.sum() + masks.sum() + 1)


def test_lines() -> None:
    assert changed_lines(__file__) == 11


def test_captions_and_embeddings_say_what_the_masks_show() -> None:
    steps = train(0)
    check_steps(steps, PARSER)
    for step in steps:
        for row, sentence in zip(step.tokens, step.texts, strict=True):
            assert torch.equal(row, torch.from_numpy(embed(sentence)))
            assert len(words_of(sentence)) <= WORDS, "a rewritten sentence was cut"
        assert step.masks.dtype == torch.int64
    assert sum(step.altered for step in steps) > 32


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first() -> None:
    check_repeats(train)


def test_what_is_embedded_by_file_name_would_lie() -> None:
    """The reason for the cache by text: under its file name an altered sample still has its old sentence."""
    batch, names = next(iter(DataLoader(ImagesWithText(), batch_size=32)))
    old = [SENTENCES[name] for name in names]
    out = AUGMENT(batch["image"], old, batch["label"], generator=torch.Generator().manual_seed(0))
    lies = (PARSER.encode(old) != evident(out.target, PARSER.atlas)).any(dim=1)
    assert lies.sum() > 8
    new = torch.stack([embed_once(sentence) for sentence in out.texts])
    assert (new != batch["text"]).flatten(1).any(dim=1)[lies].all()
