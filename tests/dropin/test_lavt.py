"""LAVT-like, referring segmentation of natural pictures: PIL images, tokens of a sentence, a class map (B, H, W).

Changed: 10 lines, two of them to hand over the sentence, which the data set drops once it has its tokens. Sentences
speak of places in the picture, so the atlas is `QUADRANTS`: flips, quarter turns, crops move words, and a picture
whose sentence names no place stays as it is.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import functional as F
from transformers import BertTokenizerFast

# --- crossmodal_aug
from crossmodal_aug import QUADRANTS, PositionParser, SyncGeometry

# ---
from crossmodal_aug.augment import Reason
from crossmodal_aug.errors import CannotSay

# --- crossmodal_aug
from crossmodal_aug.integrations.huggingface import retokenize

# ---
from tests.dropin.phantoms import Segmenter, Step, changed_lines, check_repeats, check_steps, draw_scenes

SIZE, LENGTH = 48, 12
SCENES = draw_scenes(48)
VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    ".",
    ",",
    "the",
    "yellow",
    "red",
    "ball",
    "at",
    "in",
    "corner",
]
VOCABULARY += ["of", "and", "left", "right", "top", "bottom", "center", "image", "located"]
EVERY_SIXTH_SILENT = 6


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> BertTokenizerFast:
    path = tmp_path_factory.mktemp("words") / "vocab.txt"
    Path(path).write_text("\n".join(VOCABULARY), encoding="utf-8")
    return BertTokenizerFast(str(path))


class Refer(Dataset):
    """Returns (image, class map, token ids (1, L), attention mask (1, L))."""

    def __init__(self, tokenizer: BertTokenizerFast) -> None:
        self.ids, self.attention, self.sentences = [], [], []
        for index, scene in enumerate(SCENES):
            sentence = scene.text if index % EVERY_SIXTH_SILENT else "the yellow ball"
            row = tokenizer(sentence, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt")
            self.ids.append(row["input_ids"])
            self.attention.append(row["attention_mask"])
            self.sentences.append(sentence)

    def __len__(self) -> int:
        return len(SCENES)

    def __getitem__(self, index: int) -> tuple:
        image = Image.fromarray(SCENES[index].image)
        labels = np.zeros(SCENES[index].mask.shape, dtype=np.uint8)
        labels[SCENES[index].mask > 0] = 1
        target = Image.fromarray(labels, mode=None)
        image = F.normalize(F.to_tensor(F.resize(image, [SIZE, SIZE])), [0.5] * 3, [0.25] * 3)
        target = torch.from_numpy(np.array(F.resize(target, [SIZE, SIZE], F.InterpolationMode.NEAREST))).long()
        # --- crossmodal_aug
        return image, target, self.ids[index], self.attention[index], self.sentences[index]
        # ---


# --- crossmodal_aug
PARSER = PositionParser(QUADRANTS)
AUGMENT = SyncGeometry(PARSER, p=0.8, vertical=True, quarter_turns=True, crop=0.85)
# ---


class Net(nn.Module):
    """Logits of two classes of an image and its tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(len(VOCABULARY), 16)
        self.net = Segmenter(3, 16, classes=2)

    def forward(self, image: Tensor, ids: Tensor, attention: Tensor) -> Tensor:
        seen = attention.unsqueeze(2)
        return self.net(image, (self.words(ids) * seen).sum(dim=1) / seen.sum(dim=1))


def train(tokenizer: BertTokenizerFast, seed: int, epochs: int = 2) -> list[Step]:
    torch.manual_seed(seed)
    net = Net()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    shown = []
    for _ in range(epochs):
        for data in DataLoader(Refer(tokenizer), batch_size=16, shuffle=True):
            # --- crossmodal_aug
            image, target, ids, attention, sentences = data
            # ---
            ids, attention = ids.squeeze(1), attention.squeeze(1)
            # --- crossmodal_aug
            out = AUGMENT(image, sentences, target)
            image, target = out.images, out.target
            tokens = {"input_ids": ids, "attention_mask": attention}
            ids, attention = retokenize(out.texts, tokenizer, tokens, out.accepted).values()
            # ---
            loss = nn.functional.cross_entropy(net(image, ids, attention), target, weight=torch.tensor([0.9, 1.1]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            shown.append(Step(image, target, out.texts, ids, loss.item(), int(out.accepted.sum())))
    return shown


def test_lines() -> None:
    assert changed_lines(__file__) == 10


def test_sentences_and_tokens_say_where_the_target_is(tokenizer: BertTokenizerFast) -> None:
    steps = train(tokenizer, 0)
    check_steps(steps, PARSER)
    for step in steps:
        assert step.masks.dtype == torch.int64
        assert set(step.masks.unique().tolist()) <= {0, 1}
        whole = tokenizer(list(step.texts), padding="max_length", max_length=LENGTH, return_tensors="pt")
        assert torch.equal(step.tokens, whole["input_ids"])
        assert not (step.tokens == VOCABULARY.index("[UNK]")).any()
    assert sum(step.altered for step in steps) > 32
    assert len({text for step in steps for text in step.texts}) > 8


def test_a_sentence_without_a_place_keeps_its_picture(tokenizer: BertTokenizerFast) -> None:
    image, target, _, _, sentences = next(iter(DataLoader(Refer(tokenizer), batch_size=48)))
    out = AUGMENT(image, sentences, target, generator=torch.Generator().manual_seed(0))
    silent = ~PARSER.placed(sentences)
    assert silent.sum() == 8
    assert not out.accepted[silent].any()
    assert (out.params.reason[silent] == Reason.SILENT).any()
    assert torch.equal(out.images[silent], image[silent])


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(tokenizer: BertTokenizerFast) -> None:
    check_repeats(lambda seed: train(tokenizer, seed))


@pytest.mark.parametrize("sentence", ["tree right", "table left bottom"])
def test_the_thing_that_is_meant_stays_in_its_sentence(sentence: str) -> None:
    thing, _ = sentence.split(maxsplit=1)
    try:
        turned = PARSER.rewrite(sentence, [False, True, False, False, False])
    except CannotSay:
        return  # left alone
    assert thing in turned


def test_a_whole_side_is_written_as_a_side() -> None:
    op = SyncGeometry(PARSER, p=1.0, horizontal=False, vertical=True)
    sentences = ["the bottom ball"] * 8
    out = op(torch.rand(8, 3, 8, 8), sentences, generator=torch.Generator().manual_seed(0))
    assert out.accepted.any()
    assert set(out.texts) == {"the bottom ball", "the top ball"}
