import numpy as np
import pytest
import torch
from semimedref.losses import segmentation_loss
from semimedref.metrics import Confusion, table

from crossmodal_aug.errors import InvalidValueError


def reference(found: list[np.ndarray], masks: list[np.ndarray]) -> tuple[float, float, float, float]:
    def dice(a, b):
        return 1.0 if not (a | b).any() else 2 * (a & b).sum() / (a.sum() + b.sum())

    def iou(a, b):
        return 1.0 if not (a | b).any() else (a & b).sum() / (a | b).sum()

    a, b = (np.concatenate([one.ravel() for one in many]) for many in (found, masks))
    pairs = list(zip(found, masks, strict=True))
    return (
        100 * dice(a, b),
        100 * iou(a, b),
        100 * np.mean([dice(*pair) for pair in pairs]),
        100 * np.mean([iou(*pair) for pair in pairs]),
    )


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_the_definitions(seed):
    rng = np.random.default_rng(seed)
    shapes = [(5, 7), (4, 4), (6, 3), (3, 3)]
    probabilities = [rng.random(shape) * (index > 0) for index, shape in enumerate(shapes)]
    masks = [rng.random(shape) < 0.3 for shape in shapes]
    masks[0][:] = masks[1][:] = False
    counts = Confusion()
    for one, mask in zip(probabilities, masks, strict=True):
        counts.add(torch.from_numpy(one), torch.from_numpy(mask))
    scores = counts.scores()
    ours = (scores.global_dice, scores.global_iou, scores.image_dice, scores.image_iou)
    assert ours == pytest.approx(reference([one >= 0.5 for one in probabilities], masks))
    assert np.mean(counts.image_dice()) == pytest.approx(scores.image_dice)


def test_bad_counts_are_refused():
    with pytest.raises(InvalidValueError, match="NaN"):
        Confusion().add(torch.tensor([[float("nan")]]), torch.ones(1, 1, dtype=torch.bool))
    with pytest.raises(InvalidValueError, match="shape"):
        Confusion().add(torch.ones(1, 2), torch.ones(1, 1, dtype=torch.bool))
    with pytest.raises(InvalidValueError, match="at least one image"):
        Confusion().scores()


def test_the_table_has_a_row_a_model():
    counts = Confusion()
    counts.add(torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bool))
    lines = table({"student": counts.scores(), "teacher": counts.scores()}).splitlines()
    assert len(lines) == 4
    assert lines[3].split() == ["teacher", "100.00", "100.00", "100.00", "100.00"]


def test_loss_is_cross_entropy_plus_dice():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 4, 5, generator=generator, dtype=torch.float64)
    target = (torch.rand(2, 1, 4, 5, generator=generator) < 0.4).double()
    p = 1 / (1 + np.exp(-logits.numpy()))
    y = target.numpy()
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    dice = 1 - (2 * (p * y).sum() + 1) / ((p**2).sum() + (y**2).sum() + 1)
    assert segmentation_loss(logits, target).item() == pytest.approx(entropy + dice)


def test_pixels_without_trust_have_no_gradient():
    logits = torch.randn(1, 1, 2, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
    weight = torch.tensor([[[[1.0, 1.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]]]])
    segmentation_loss(logits, torch.ones(1, 1, 2, 4), weight).backward()
    assert (logits.grad[..., 2:] == 0).all()
    assert (logits.grad[..., :2] < 0).all()


def test_the_loss_leads_to_the_mask():
    target = torch.zeros(1, 1, 4, 4)
    target[..., 1:3, 1:3] = 1
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    optimiser = torch.optim.SGD([logits], lr=5.0)
    for _ in range(60):
        optimiser.zero_grad()
        segmentation_loss(logits, target).backward()
        optimiser.step()
    assert torch.equal(logits > 0, target > 0.5)
