"""SGSeg-like: captions are strings in the batch; those of pictures without a report are generated from detections.

The training step (Lightning) joins them to one list and only then tokenizes. Changed: 5 lines.
"""

import warnings

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

# --- crossmodal_aug
from crossmodal_aug import LUNG_ZONES, CrossModalSequential, PositionParser, SyncFlip, TPatchMix

# ---
from crossmodal_aug.augment import PosAug
from tests.dropin.phantoms import Segmenter, Step, changed_lines, check_repeats, check_steps, draw_chests, evident

CHESTS = draw_chests(32, seed=1)
WORDS = sorted({word for chest in CHESTS for word in chest.text.replace(",", "").replace(".", "").lower().split()})


class Chests(Dataset):
    """Returns ([image, caption], mask, boxes of detections); the caption is empty where there is no report."""

    def __len__(self) -> int:
        return len(CHESTS)

    def __getitem__(self, index: int) -> tuple[list, Tensor, Tensor]:
        chest = CHESTS[index]
        image = torch.from_numpy(chest.image).float().div(255).unsqueeze(0)
        mask = torch.from_numpy(chest.mask > 0).long().unsqueeze(0)
        return [image, chest.text if index % 3 else ""], mask, detections(mask[0])


def detections(mask: Tensor) -> Tensor:
    """(6, 2) centres of what a detector found in each of its cells, shares of the image; -1 where nothing is."""
    found = torch.full((6, 2), -1.0)
    size = len(mask)
    for cell in range(6):
        column, row = divmod(cell, 3)
        rows, columns = (
            slice(row * size // 3, (row + 1) * size // 3),
            slice(column * size // 2, (column + 1) * size // 2),
        )
        pixels = mask[rows, columns].nonzero()
        if len(pixels):
            found[cell] = (pixels.float().mean(dim=0) + torch.tensor([rows.start, columns.start])) / size
    return found


def generated(boxes: Tensor) -> str:
    """The report that a localizer would write."""
    sides: dict[str, list[str]] = {"left": [], "right": []}
    for down, across in boxes.tolist():
        if down >= 0:
            sides["left" if across < 0.5 else "right"].append(("upper", "middle", "lower")[int(3 * down)])
    areas = " and ".join(f"{' '.join(rows)} {side} lung" for side, rows in sides.items() if rows)
    count = sum(map(len, sides.values()))
    counted = f"{count} infected area{'' if count == 1 else 's'}"
    both = "bilateral" if all(sides.values()) else "unilateral"
    return f"{both} pulmonary infection, {counted}, {areas}."


# --- crossmodal_aug
PARSER = PositionParser(LUNG_ZONES.with_geometry(laterality="viewer"))
MOVE = CrossModalSequential(TPatchMix(PARSER, patch_size=14, p=0.7, where="donor"), SyncFlip(PARSER, p=0.5))
# ---


class Wrapper(lightning.LightningModule):
    """The network and its training step."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(len(WORDS) + 1, 16)
        self.net = Segmenter(1, 16)
        self.shown: list[Step] = []
        self.without = 0

    def forward(self, image: Tensor, texts: list[str]) -> Tensor:
        ids = [
            [WORDS.index(word) + 1 if word in WORDS else 0 for word in text.lower().replace(",", "").strip(".").split()]
            for text in texts
        ]
        starts = torch.tensor([0, *(len(row) for row in ids[:-1])]).cumsum(0)
        return self.net(image, self.words(torch.tensor([word for row in ids for word in row]), starts))

    def training_step(self, batch: list, _: int) -> Tensor:
        (image, captions), mask, boxes = batch
        texts = [caption or generated(some) for caption, some in zip(captions, boxes, strict=True)]
        # --- crossmodal_aug
        out = MOVE(image, texts, mask)
        image, texts, mask = out.images, out.texts, out.target
        # ---
        loss = nn.functional.binary_cross_entropy_with_logits(self(image, texts), mask.float())
        self.shown.append(
            Step(image, mask, texts, self.words.weight.detach().clone(), loss.item(), int(out.accepted.sum()))
        )
        self.without += captions.count("")
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def fit(seed: int) -> Wrapper:
    """Two epochs."""
    lightning.seed_everything(seed, verbose=False)
    module = Wrapper()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lightning.Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).fit(module, DataLoader(Chests(), batch_size=8, shuffle=True))
    return module


def train(seed: int) -> list[Step]:
    return fit(seed).shown


def test_lines() -> None:
    assert changed_lines(__file__) == 5


def test_reports_given_and_generated_say_what_the_masks_show() -> None:
    module = fit(0)
    check_steps(module.shown, PARSER)
    assert sum(step.altered for step in module.shown) > 32
    assert module.without > 8


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first() -> None:
    check_repeats(train)


def test_counts_in_words_and_digits_are_kept_true() -> None:
    digits = 0
    for step in train(0):
        for text, shown in zip(step.texts, evident(step.masks, PARSER.atlas), strict=True):
            report = PARSER(text)
            assert not report.conflicts, text
            assert report.count == shown.sum(), text
            digits += any(letter.isdigit() for letter in text)
    assert digits > 8


def test_an_empty_caption_is_silent_and_its_picture_is_not_mixed() -> None:
    """Whoever calls the op before the captions are generated: an empty string is not "nothing there"."""
    batch = next(iter(DataLoader(Chests(), batch_size=32)))
    (image, captions), mask, _ = batch
    out = TPatchMix(PARSER, patch_size=14, p=1.0, where="donor")(
        image, captions, mask, generator=torch.Generator().manual_seed(0)
    )
    empty = torch.tensor([not caption for caption in captions])
    assert not out.accepted[empty].any()
    assert torch.equal(out.images[empty], image[empty])
    assert all(text == "" for text, none in zip(out.texts, empty.tolist(), strict=True) if none)
    # A silent donor gives nothing either: what it would bring cannot be named.
    filled = ~empty
    assert torch.equal(PARSER.encode(out.texts)[filled], evident(out.target, PARSER.atlas)[filled])


def test_a_report_taken_apart_after_the_ops_still_has_its_words() -> None:
    """PosAug masks words of the generated list only; the mask stays true to the positions before it."""
    (image, captions), mask, boxes = next(iter(DataLoader(Chests(), batch_size=16)))
    texts = [caption or generated(some) for caption, some in zip(captions, boxes, strict=True)]
    generator = torch.Generator().manual_seed(0)
    op = CrossModalSequential(SyncFlip(PARSER, p=0.5), PosAug(PARSER, phrase_p=0.5, mode="coarsen"))
    out = op(image, texts, mask, generator=generator)
    shown = evident(out.target, PARSER.atlas)
    assert (PARSER.encode(out.texts) | ~shown).all(), "a coarser word covers less than it did"
    assert (PARSER.encode(out.texts) != shown).any()
