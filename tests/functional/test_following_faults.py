"""The reference can fail: each fault planted in `follow`, one at a time, makes it disagree."""

import numpy as np
import pytest
import torch

import crossmodal_aug.functional as CF
from crossmodal_aug import QUADRANTS, Atlas
from crossmodal_aug.functional import body_frame, geometry, image_frame, places
from tests.functional.following_reference import ATLASES, CASES, SYMMETRIES, agree, came, expected, some_case


def first_region(points: torch.Tensor, atlas: Atlas) -> torch.Tensor:
    owner = torch.full(points.shape[:2], len(atlas))
    for region, (y0, y1, x0, x1) in reversed(list(enumerate(atlas.boxes))):
        inside = (points >= torch.tensor([x0, y0])) & (points < torch.tensor([x1, y1]))
        owner = torch.where(inside.all(dim=2), region, owner)
    return owner


FAULTS: dict[str, tuple[str, object]] = {
    "symmetry assumed": ("_EXACT", 0.3),
    "painting order ignored": ("_overlap", lambda one, other: False),
    "upside down allowed": ("_UPRIGHT", 180.0),
    "any region will do": ("_CLEAR", 0.0),
    "hardly in view": ("_SEEN", 0.0),
    "matrix the wrong way": ("sources_of", lambda m, size, own=geometry.sources_of: own(torch.linalg.inv(m), size)),
    "every other pixel": ("regions_touched", lambda shown, atlas: CF.region_evidence(shown, atlas, reduce="count") > 1),
    "painting the other way": ("region_of", first_region),
    "behind the viewer": ("map_points", lambda *a, own=geometry.map_points: (own(*a)[0], own(*a)[1] | True)),
    "never mirrored": ("turn_of", lambda *given, own=geometry.turn_of: (own(*given)[0] & False, own(*given)[1])),
    "not in pixels": ("turn_of", lambda m, aspect, own=geometry.turn_of: own(m, 1.0)),
}  # fmt: skip


@pytest.fixture(scope="module")
def fixed() -> list[tuple[tuple, list]]:
    """Some hundred batches, and every flip and quarter turn of each region, with what the reference says."""
    exact = [
        (np.stack([matrix] * len(atlas)), np.eye(len(atlas), dtype=bool), atlas, None, "image")
        for atlas in ATLASES
        for matrix, _ in SYMMETRIES.values()
    ]
    drawn = [some_case(seed, frame, with_evidence=evidence) for seed in range(40) for frame, evidence in CASES]
    # A perspective that has the upper left corner behind the viewer, with all evidence there.
    tilt, corner = np.array([[[2.2, 1.2, -1.2], [1.2, 2.2, -1.2], [2.4, 2.4, -1.4]]]), np.zeros((1, 7, 9), dtype=bool)
    corner[0, 0, 0] = True
    behind = (tilt, np.array([[True, False, False, False, False]]), QUADRANTS, corner, "image")
    return [(case, expected(*case)) for case in [*exact, behind, *drawn]]


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_turn_the_reference_red(
    fault: str, fixed: list[tuple[tuple, list]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(agree(wanted, came(*case)) for case, wanted in fixed)
    name, planted = FAULTS[fault]
    rooms = [module for module in (image_frame, body_frame, places, geometry) if hasattr(module, name)]
    assert rooms
    for module in rooms:
        monkeypatch.setattr(module, name, planted)
    assert not all(agree(wanted, came(*case)) for case, wanted in fixed)
