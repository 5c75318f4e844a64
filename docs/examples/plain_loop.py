"""Semi-supervised referring segmentation in a plain PyTorch loop: python docs/examples/plain_loop.py.

A small network is given an image and the regions that a caption names. It learns from 16 labelled chests and, through
the pseudo-masks of a teacher, from 96 unlabelled ones, which have captions too.
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from drawn import draw_chests
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader

import crossmodal_aug.functional as CF
from crossmodal_aug import (
    LUNG_ZONES,
    CrossModalSequential,
    Focus,
    ITCLoss,
    PosAug,
    PositionParser,
    SyncFlip,
    TPatchMix,
    ZoneMix,
    describe,
)
from crossmodal_aug.integrations.collate import CrossModalCollate

STEPS, BURN_IN, BATCH = 120, 50, 8

# Say whose left "left" is. In these drawings, as in QaTa-COV19, it is the left of the image.
PARSER = PositionParser(LUNG_ZONES.with_geometry(laterality="viewer"))


class CaptionedNet(nn.Module):
    """Segments what the caption names: its bits are turned into a coarse map that joins the image as a channel."""

    def __init__(self, regions: int, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU())
        self.pointer = nn.Linear(regions, 36)
        self.head = nn.Sequential(
            nn.Conv2d(width + 1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU()
        )
        self.out = nn.Conv2d(width, 1, 1)
        # For ITCLoss. The image's vector is taken before it meets the caption, so the pair cannot be matched by that.
        self.image_vector = nn.Linear(width * 36, 32)
        self.text_vector = nn.Linear(regions, 32)

    def forward(self, images: Tensor, bits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 1, H, W) images and (B, K) bits to (B, 1, H, W) logits and two (B, 32) embeddings."""
        seen, bits = self.stem(images), bits.float()
        where = nn.functional.interpolate(self.pointer(bits).view(-1, 1, 6, 6), size=images.shape[-2:], mode="bilinear")
        logits = self.out(self.head(torch.cat((seen, where), dim=1)))
        pooled = nn.functional.adaptive_max_pool2d(seen, 6).flatten(1)
        return logits, self.image_vector(pooled), self.text_vector(bits)


def dice(logits: Tensor, masks: Tensor) -> float:
    """Global foreground Dice at threshold 0.5."""
    found, wanted = logits > 0, masks > 0
    return float(2 * (found & wanted).sum() / (found.sum() + wanted.sum()).clamp_min(1))


def occupied(masks: Tensor) -> Tensor:
    """(B, K) bool: the regions that hold a mask pixel, to compare captions with."""
    return CF.region_evidence(masks, PARSER.atlas, reduce="count") > 0


def forever(loader: DataLoader) -> Iterator[dict[str, Any]]:
    """Its batches, epoch after epoch."""
    while True:
        yield from loader


def show_what_the_ops_do(augment: CrossModalSequential) -> None:
    """One small batch with its true masks as evidence: captions and masks must agree afterwards too."""
    chests = draw_chests(4, PARSER, seed=13)
    out = augment(chests.images, chests.captions, chests.masks, generator=torch.Generator().manual_seed(3))
    print(describe(out, PARSER.atlas))
    assert torch.equal(PARSER.encode(out.texts), occupied(out.target)), "a caption disagrees with its mask"
    # The same call again, on a map that came later and on other texts of the same samples.
    assert torch.equal(augment.replay(chests.masks, out.params, role="target"), out.target)
    reports = augment.rewrite(chests.reports, out.params)
    assert torch.equal(PARSER.encode(reports), out.positions)
    print(f'replayed on a report: "{chests.reports[0]}" -> "{reports[0]}"')
    print("before training: captions agree with masks in 4 of 4 samples")


def main() -> None:
    """Train, print an account, and check that words and pixels agree."""
    torch.manual_seed(0)  # weights, and the order of the loaders
    generator = torch.Generator().manual_seed(1)  # everything that the ops draw

    # Labelled images: a flip that the words follow, done by the workers of the loader. `seed` makes it repeatable.
    collate = CrossModalCollate(SyncFlip(PARSER, p=0.5), seed=2)
    labelled = forever(DataLoader(draw_chests(16, PARSER, seed=10).samples(), BATCH, shuffle=True, collate_fn=collate))
    # Unlabelled images come as they are: the teacher must see the unmixed image and the full caption.
    unlabelled = forever(DataLoader(draw_chests(96, PARSER, seed=11).samples(), BATCH, shuffle=True))
    test = draw_chests(48, PARSER, seed=12)

    # The student's view. Order: move pixels first, narrow the caption last, so that Focus chooses from what is there.
    augment = CrossModalSequential(
        SyncFlip(PARSER, p=0.5),
        TPatchMix(PARSER, patch_size=14, p=0.5, where="donor"),
        ZoneMix(PARSER, unit="side", p=0.5),
        Focus(PARSER, unit="region", p=0.3),
    )
    # Text alone, so it needs no images; after everything that rewrites texts.
    blur_words = PosAug(PARSER, phrase_p=0.2, mode="coarsen")

    show_what_the_ops_do(augment)

    student = CaptionedNet(len(PARSER.atlas))
    teacher = copy.deepcopy(student).eval()
    contrast = ITCLoss(temperature=0.1)
    optimiser = torch.optim.AdamW(student.parameters(), lr=3e-3)
    agreed = seen = altered = 0
    for step in range(STEPS):
        known = next(labelled)
        logits, image_vectors, text_vectors = student(known["image"], known["positions"])
        loss = binary_cross_entropy_with_logits(logits, known["mask"].float(), pos_weight=torch.tensor(5.0))
        loss = loss + 0.02 * contrast(image_vectors, text_vectors, known["positions"])

        if step >= BURN_IN:
            batch = next(unlabelled)
            with torch.no_grad():
                pseudo = teacher(batch["image"], PARSER.encode(batch["text"]))[0].sigmoid()
            noisy = (batch["image"] + 0.05 * torch.randn(batch["image"].shape)).clamp(0, 1)
            # The pseudo-mask is target and evidence at once; the gate of TPatchMix and the caption are read from it.
            out = augment(noisy, batch["text"], pseudo, generator=generator)
            # How sure the teacher is, moved as the pixels were: the weight of each pixel in the loss.
            weight = augment.replay((2 * pseudo - 1).abs(), out.params)
            student_texts = blur_words(None, out.texts, generator=generator).texts
            logits, _, _ = student(out.images, PARSER.encode(student_texts))
            loss = loss + 0.3 * binary_cross_entropy_with_logits(logits, out.target, weight=weight)
            # Nobody has this mask in earnest; here it tells whether captions stay true with a teacher as evidence.
            truth = augment.replay(batch["mask"], out.params, role="target")
            agreed += int((out.positions == occupied(truth)).all(dim=1).sum())
            altered += int(torch.stack([one.accepted for one in out.params]).any(dim=0).sum())
            seen += BATCH

        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            momentum = min(0.98, (1 + step) / (10 + step))
            for ours, theirs in zip(teacher.parameters(), student.parameters(), strict=True):
                ours.lerp_(theirs, 1 - momentum)

    # Tested twice: with the full captions, and with captions narrowed to some of the lesions, which the mask follows.
    narrow = Focus(PARSER, unit="region", p=1.0)(test.images, test.captions, test.masks, generator=generator)
    with torch.no_grad():
        full = dice(teacher(test.images, PARSER.encode(test.captions))[0], test.masks)
        obeyed = dice(teacher(narrow.images, narrow.positions)[0], narrow.target)
    print(
        f"in training: {altered} of {seen} samples altered, captions agree with the true masks in {agreed / seen:.0%}"
    )
    print(f"test Dice: full captions {full:.2f}, narrowed captions {obeyed:.2f}")
    assert agreed / seen > 0.8, "with the teacher as evidence, captions left the masks"
    assert full > 0.7, "the network learnt nothing"


if __name__ == "__main__":
    main()
