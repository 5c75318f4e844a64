"""LanGuideMedSeg- and MMI-UNet-like: MONAI loads and resizes in the data set, tokens are made there, Lightning trains.

A batch is `([image, {"input_ids", "attention_mask"}], mask)`. Changed: 8 lines, two of them in the data set: it hands
over the sentence beside its tokens, and reads with `reverse_indexing=False`, without which axes are exchanged.
"""

import warnings
from pathlib import Path

import lightning
import pytest
import torch
from monai.data import PILReader
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, NormalizeIntensityd, Resized, ToTensord
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import BertTokenizerFast

import crossmodal_aug.functional as CF

# --- crossmodal_aug
from crossmodal_aug import LUNG_ZONES, CrossModalSequential, PositionParser, SyncFlip, ZoneMix

# ---
from crossmodal_aug.errors import AlignmentError

# --- crossmodal_aug
from crossmodal_aug.integrations.huggingface import retokenize

# ---
from tests.dropin.phantoms import COUNTS, Drawn, Segmenter, Step, changed_lines, check_repeats, check_steps, draw_chests

LENGTH, SIZE = 24, 40
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", *COUNTS, "bilateral", "unilateral", "pulmonary"]
VOCABULARY += [
    "infection",
    "infected",
    "area",
    "areas",
    "upper",
    "middle",
    "lower",
    "all",
    "left",
    "right",
    "lung",
    "and",
    "no",
]


class Folder:
    """PNG files of images and masks, and the captions that a table would hold."""

    def __init__(self, root: Path, drawn: list[Drawn]) -> None:
        self.images, self.masks, self.captions = [], [], [one.text for one in drawn]
        for one in drawn:
            for kind, array, paths in (("image", one.image, self.images), ("mask", one.mask, self.masks)):
                path = root / f"{kind}-{one.name}"
                Image.fromarray(array).save(path)
                paths.append(str(path))
        vocabulary = root / "vocab.txt"
        vocabulary.write_text("\n".join(VOCABULARY), encoding="utf-8")
        self.tokenizer = BertTokenizerFast(str(vocabulary))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("chests"), draw_chests(128, size=48))


class Chests(Dataset):
    """Returns ([image, tokens], mask)."""

    # --- crossmodal_aug
    READER = PILReader(reverse_indexing=False)
    # ---

    def __init__(self, folder: Folder, count: int, reader: object = READER) -> None:
        self.folder, self.count = folder, count
        both = ["image", "gt"]
        self.transform = Compose(
            [
                LoadImaged(both, reader=reader),
                EnsureChannelFirstd(both),
                Resized(["image"], (SIZE, SIZE), mode="bicubic"),
                Resized(["gt"], (SIZE, SIZE), mode="nearest"),
                NormalizeIntensityd("image", channel_wise=True),
                ToTensord(both),
            ]
        )

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[list, Tensor]:
        caption = self.folder.captions[index]
        row = self.folder.tokenizer(
            caption, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt"
        )
        text = {"input_ids": row["input_ids"].squeeze(0), "attention_mask": row["attention_mask"].squeeze(0)}
        # --- crossmodal_aug
        text["caption"] = caption
        # ---
        data = self.transform({"image": self.folder.images[index], "gt": self.folder.masks[index]})
        return [data["image"], text], torch.where(data["gt"] > 127, 1, 0)


# --- crossmodal_aug
PARSER = PositionParser(LUNG_ZONES.with_geometry(laterality="viewer"))
AUGMENT = CrossModalSequential(ZoneMix(PARSER, p=0.6), SyncFlip(PARSER, p=0.5))
# ---


class Wrapper(lightning.LightningModule):
    """The network and its training step."""

    def __init__(self, tokenizer: BertTokenizerFast) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.words = nn.Embedding(len(VOCABULARY), 16)
        self.net = Segmenter(1, 16)
        self.shown: list[Step] = []

    def forward(self, data: list) -> Tensor:
        image, text = data
        seen = text["attention_mask"].unsqueeze(2)
        return self.net(image, (self.words(text["input_ids"]) * seen).sum(dim=1) / seen.sum(dim=1))

    def training_step(self, batch: list, _: int) -> Tensor:
        (image, text), mask = batch
        # --- crossmodal_aug
        out = AUGMENT(image, text["caption"], mask)
        image, mask, text = out.images, out.target, retokenize(out.texts, self.tokenizer, text, out.accepted)
        # ---
        loss = nn.functional.binary_cross_entropy_with_logits(self([image, text]), mask.float())
        self.shown.append(Step(image, mask, out.texts, text["input_ids"], loss.item(), int(out.accepted.sum())))
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def train(folder: Folder, seed: int) -> list[Step]:
    """Two epochs; what the network was shown in each step."""
    lightning.seed_everything(seed, verbose=False)
    module = Wrapper(folder.tokenizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = lightning.Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, DataLoader(Chests(folder, 24), batch_size=8, shuffle=True))
    return module.shown


def test_lines() -> None:
    assert changed_lines(__file__) == 8


def test_captions_and_tokens_say_what_the_masks_show(folder: Folder) -> None:
    steps = train(folder, 0)
    check_steps(steps, PARSER)
    for step in steps:
        whole = folder.tokenizer(
            list(step.texts), padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt"
        )
        assert torch.equal(step.tokens, whole["input_ids"])
        # What is written needs no word that captions of this data set do not have.
        assert not (step.tokens == VOCABULARY.index("[UNK]")).any()
    assert sum(step.altered for step in steps) > 24


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(folder: Folder) -> None:
    check_repeats(lambda seed: train(folder, seed))


def test_tokens_read_back_say_the_same_as_the_sentence(folder: Folder) -> None:
    """Where the data set must not change, the sentence can be had from its tokens, in lower case."""
    (_, text), _ = next(iter(DataLoader(Chests(folder, 32), batch_size=32)))
    decoded = folder.tokenizer.batch_decode(text["input_ids"], skip_special_tokens=True)
    assert torch.equal(PARSER.encode(decoded), PARSER.encode(text["caption"]))


def loaded(folder: Folder, reader: object, turn=lambda picture: picture) -> tuple[Tensor, Tensor, list[str]]:
    (images, text), masks = next(iter(DataLoader(Chests(folder, 128, reader), batch_size=128)))
    return turn(images), turn(masks), list(text["caption"])


def test_data_that_is_loaded_upright_passes(folder: Folder) -> None:
    _, masks, captions = loaded(folder, Chests.READER)
    assert CF.check_alignment(PARSER.atlas, masks, PARSER.encode(captions)) == 1.0


@pytest.mark.parametrize(
    ("reader", "turn", "name"),
    [
        (None, lambda picture: picture, "transposed"),
        ("PILReader", lambda picture: picture, "transposed"),
        (PILReader(), lambda picture: picture, "transposed"),
        (PILReader(), lambda picture: picture.flip(-1), "transposed and upside down"),
        (PILReader(reverse_indexing=False), lambda picture: picture.mT, "transposed"),
        (PILReader(), lambda picture: picture.rot90(1, (-2, -1)), "upside down"),
    ],
)
def test_data_that_is_loaded_on_its_side_is_named(folder: Folder, reader: object, turn, name: str) -> None:
    _, masks, captions = loaded(folder, reader, turn)
    with pytest.raises(AlignmentError, match=f"they look {name}:"):
        CF.check_alignment(PARSER.atlas, masks, PARSER.encode(captions))


def test_one_batch_of_exchanged_axes_is_enough(folder: Folder) -> None:
    _, masks, captions = loaded(folder, "PILReader")
    raised = 0
    for start in range(0, 128, 32):
        some = slice(start, start + 32)
        try:
            CF.check_alignment(PARSER.atlas, masks[some], PARSER.encode(captions[some]))
        except AlignmentError as error:
            raised += "transposed" in str(error)
    assert raised == 4


def test_after_the_ops_exchanged_axes_are_still_named(folder: Folder) -> None:
    """Whoever checks what the network is shown, and not what was loaded, learns it too."""
    images, masks, captions = loaded(folder, "PILReader")
    out = ZoneMix(PARSER, p=0.5)(images, captions, masks, generator=torch.Generator().manual_seed(0))
    with pytest.raises(AlignmentError, match="transposed"):
        CF.check_alignment(PARSER.atlas, out.target, out.positions)


def test_strict_ops_name_exchanged_axes(folder: Folder) -> None:
    images, masks, captions = loaded(folder, "PILReader")
    with pytest.raises(AlignmentError, match="transposed"):
        SyncFlip(PARSER, p=0.5, strict=True)(images, captions, masks)
