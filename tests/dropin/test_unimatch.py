"""UniMatch-like, semi-supervised: one weak and two strong views, whose patches come from a second unlabelled loader.

Labels are class maps (B, H, W) with 255 where the loss ignores, and the weak view is shifted, so its border is padding.
The dozen lines that cut boxes into images, masks, confidences and ignore maps go. Changed: 19 lines for two views: a
class map is no evidence, so the probability is given apart, and the second batch has to be put together by hand.
"""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

# --- crossmodal_aug
from crossmodal_aug import LUNG_ZONES, Augmented, PositionParser, TPatchMix

# ---
from crossmodal_aug.augment import CrossModalSequential, SyncGeometry
from crossmodal_aug.errors import InvalidValueError
from tests.dropin.phantoms import Segmenter, changed_lines, draw_chests, evident

LESION, IGNORED = 1, 255
LABELLED, UNLABELLED = draw_chests(8, seed=2), draw_chests(32, seed=3)
WORDS = ("upper", "middle", "lower", "left", "right", "unilateral", "bilateral", "one", "two", "three")

# --- crossmodal_aug
PARSER = PositionParser(LUNG_ZONES.with_geometry(laterality="viewer"))
AUGMENT = TPatchMix(PARSER, patch_size=14, p=0.8, where="donor", gate=None)
# ---


class Chests(Dataset):
    """Labelled: (image, mask, text). Unlabelled: (weak, strong 1, strong 2, ignore map, text, true mask)."""

    def __init__(self, drawn: list, *, labelled: bool) -> None:
        self.drawn, self.labelled = drawn, labelled

    def __len__(self) -> int:
        return len(self.drawn)

    def __getitem__(self, index: int) -> tuple:
        chest = self.drawn[index]
        image = torch.from_numpy(chest.image).float().div(255).unsqueeze(0)
        mask, text = torch.from_numpy(chest.mask > 0).long(), chest.text
        if torch.rand(()) < 0.5:
            image, mask = image.flip(-1), mask.flip(-1)
            # --- crossmodal_aug
            text = PARSER.mirror(text)
            # ---
        image, mask = shifted(image, mask)
        if self.labelled:
            return image, mask, text
        ignore = torch.where(mask == IGNORED, IGNORED, 0)
        return image, jittered(image), jittered(image), ignore, text, mask


def shifted(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Shift by one pixel either way; what comes in from outside is ignored."""
    down, across = torch.randint(-1, 2, (2,)).tolist()
    moved, labels = torch.zeros_like(image), torch.full_like(mask, IGNORED)
    height, width = mask.shape
    to = slice(max(down, 0), height + min(down, 0)), slice(max(across, 0), width + min(across, 0))
    of = slice(max(-down, 0), height - max(down, 0)), slice(max(-across, 0), width - max(across, 0))
    moved[:, *to], labels[to] = image[:, *of], mask[of]
    return moved, labels


def jittered(image: Tensor) -> Tensor:
    return (image * (0.9 + 0.2 * torch.rand(())) + 0.02 * torch.randn(image.shape)).clamp(0, 1)


def words(texts: list[str]) -> Tensor:
    return torch.tensor([[float(text.lower().count(word)) for word in WORDS] for text in texts])


class Net(Segmenter):
    """Two classes; it knows from the start that blobs are bright, so that its pseudo-masks are worth a test."""

    def __init__(self) -> None:
        super().__init__(1, len(WORDS), classes=2)

    def forward(self, images: Tensor, text: Tensor) -> Tensor:
        bright = 40 * (images - 0.5)
        return 0.01 * super().forward(images, text) + torch.cat((-bright, bright), dim=1)


def unsure(logits: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy over the pixels that are not ignored, weighted."""
    loss = torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")
    return (loss * weight).sum() / weight.sum().clamp_min(1)


def train(seed: int, epochs: int = 2) -> list[dict]:
    torch.manual_seed(seed)
    net = Net()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01)
    labelled = DataLoader(Chests(LABELLED * 4, labelled=True), 8, shuffle=True)
    first = DataLoader(Chests(UNLABELLED, labelled=False), 8, shuffle=True)
    second = DataLoader(Chests(UNLABELLED, labelled=False), 8, shuffle=True)
    shown = []
    for _ in range(epochs):
        for known, unknown, other in zip(labelled, first, second, strict=True):
            image, mask, text = known
            weak, strong_1, strong_2, ignore, texts, truth = unknown
            weak_mix, strong_1_mix, strong_2_mix, ignore_mix, texts_mix, truth_mix = other
            with torch.no_grad():
                found, found_mix = (
                    net(one, words(read)).softmax(dim=1) for one, read in ((weak, texts), (weak_mix, texts_mix))
                )
            (conf, label), (conf_mix, label_mix) = found.max(dim=1), found_mix.max(dim=1)

            # --- crossmodal_aug
            label, label_mix = torch.where(ignore == IGNORED, IGNORED, label), label_mix.where(ignore_mix == 0, IGNORED)
            lesion, lesion_mix = found[:, LESION] * (ignore == 0), found_mix[:, LESION] * (ignore_mix == 0)
            views = [
                AUGMENT(
                    strong,
                    texts,
                    label,
                    evidence=lesion,
                    maps=(conf, ignore),
                    donors=Augmented(
                        strong_mix, texts_mix, label_mix, evidence=lesion_mix, maps=(conf_mix, ignore_mix)
                    ),
                )
                for strong, strong_mix in ((strong_1, strong_1_mix), (strong_2, strong_2_mix))
            ]
            # ---
            loss = unsure(net(image, words(text)), mask, (mask != IGNORED).float())
            for out in views:
                sure, ignored = out.maps
                weight = ((sure >= 0.95) & (ignored != IGNORED)).float()
                loss = loss + 0.5 * unsure(net(out.images, words(out.texts)), out.target, weight)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            moved = [AUGMENT.replay(truth, out.params, donors=truth_mix) for out in views]
            shown.append({"views": views, "truth": moved, "loss": loss.item(), "known": known})
    return shown


def lesions(mask: Tensor) -> Tensor:
    return mask == LESION


def test_lines() -> None:
    assert changed_lines(__file__) == 19


def test_captions_say_what_the_true_masks_show_in_both_views() -> None:
    altered = differ = 0
    for step in train(0):
        image_1, image_2 = (out.params.boxes for out in step["views"])
        differ += not torch.equal(image_1, image_2)
        for out, truth in zip(step["views"], step["truth"], strict=True):
            assert torch.equal(PARSER.encode(out.texts), evident(lesions(truth), PARSER.atlas))
            altered += int(out.accepted.sum())
        assert np.isfinite(step["loss"])
        _, mask, text = step["known"]
        assert torch.equal(PARSER.encode(text), evident(lesions(mask), PARSER.atlas))
    assert altered > 64
    assert differ == 8


def test_pseudo_labels_confidence_and_ignore_maps_are_moved_as_the_image_was() -> None:
    ignored_inside = 0
    for step in train(1):
        for out, truth in zip(step["views"], step["truth"], strict=True):
            _, ignored = out.maps
            assert torch.equal(out.target == IGNORED, ignored == IGNORED)
            assert torch.equal(truth == IGNORED, ignored == IGNORED)
            assert torch.equal(lesions(out.target), out.evidence > 0.5)
            assert set(out.target.unique().tolist()) <= {0, LESION, IGNORED}
            # Padding is black in the image that was pasted too, up to the noise of the strong view.
            assert (out.images[:, 0][ignored == IGNORED] < 0.15).all()
            ignored_inside += int((ignored == IGNORED).sum())
    assert ignored_inside > 0


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first() -> None:
    one, again = train(2), train(2)
    for step, other in zip(one, again, strict=True):
        for out, repeated in zip(step["views"], other["views"], strict=True):
            assert out.texts == repeated.texts
            assert torch.equal(out.images, repeated.images)
            assert torch.equal(out.target, repeated.target)
        assert step["loss"] == other["loss"]
    texts = [[out.texts for out in step["views"]] for step in one]
    assert texts[:4] != texts[4:]


def test_a_class_map_with_ignored_pixels_as_its_own_evidence_is_refused() -> None:
    """Why the evidence is given apart: 255 is above 0, so padding would count as lesion."""
    _, strong, _, _, texts, truth = next(iter(DataLoader(Chests(UNLABELLED, labelled=False), 32)))
    inside = torch.nn.functional.pad(torch.ones(42, 42), (3, 3, 3, 3)) > 0
    truth = torch.where(inside, truth, IGNORED)
    generator = torch.Generator().manual_seed(0)
    small = TPatchMix(PARSER, patch_size=6, p=1.0, where="donor", gate=None)
    with pytest.raises(InvalidValueError, match=r"`target` to be a mask.*\[0, 1, 255\]. Say where lesion is"):
        small(strong, texts, truth, generator=generator)
    out = small(strong, texts, truth, evidence=lesions(truth), generator=generator)
    assert torch.equal(PARSER.encode(out.texts), evident(lesions(out.target), PARSER.atlas))


def test_an_ignored_label_that_an_op_fills_in_is_no_evidence_for_the_next() -> None:
    """A mask of 0 and 1 is its own evidence, until `target_fill` writes 255 into it half-way through a sequence."""
    masks = torch.stack([torch.from_numpy(chest.mask > 0).long() for chest in UNLABELLED * 4])
    op = CrossModalSequential(
        SyncGeometry(PARSER, p=1.0, degrees=6.0, translate=0.04, target_fill=IGNORED),
        TPatchMix(PARSER, patch_size=6, p=1.0, where="donor", gate=None),
    )
    texts = [chest.text for chest in UNLABELLED * 4]
    out = op(torch.rand(128, 1, 48, 48), texts, masks, generator=torch.Generator().manual_seed(0))
    assert torch.equal(PARSER.encode(out.texts), evident(lesions(out.target), PARSER.atlas))
