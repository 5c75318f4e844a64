"""Evidence beside a target of any form: what is read, checked and refused."""

import pytest
import torch
from torch import Tensor

from crossmodal_aug import (
    Augmented,
    ZoneMix,
)
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.evidence import check_evidence
from tests.augment.target_forms import FORMS, OPS, PARSER, READING, SIZE, TEXTS, labels_of, one_hot, seeded, spread


@pytest.mark.parametrize("name", READING)
def test_channels_are_no_evidence(name: str) -> None:
    op, target = OPS[name](FORMS["bool"]), one_hot(labels_of(TEXTS, more=True))
    with pytest.raises(InvalidValueError, match="give `evidence` apart where the target holds more"):
        op(torch.rand(len(TEXTS), 1, *SIZE), TEXTS, target)


@pytest.mark.parametrize("name", ["TPatchMix", "ZoneMix"])
def test_ambiguous_donors_are_refused_too(name: str) -> None:
    images, masks = torch.rand(len(TEXTS), 1, *SIZE), labels_of(TEXTS, more=False)
    donors = Augmented(images, TEXTS, labels_of(TEXTS, more=True))
    with pytest.raises(InvalidValueError, match=r"a mask of 0 and one value above 0.*\[0, 1, 2, 255\]"):
        OPS[name](FORMS["bool"])(images, TEXTS, masks, donors=donors)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", READING)
def test_strict_mode_looks_at_evidence_on_every_device(
    name: str, strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def noting(name: str, evidence: Tensor, *, everywhere: bool) -> Tensor:
        asked.append(everywhere)
        return check_evidence(name, evidence, everywhere=everywhere)

    monkeypatch.setattr("crossmodal_aug.augment.batch.check_evidence", noting)
    op = OPS[name](FORMS["bool"])
    op.strict = strict
    images, masks = torch.rand(len(TEXTS), 1, *SIZE), labels_of(TEXTS, more=False)
    donors = Augmented(images, TEXTS, masks)
    op(images, TEXTS, masks, donors=donors, generator=seeded())
    assert asked and set(asked) == {strict}


BAD_EVIDENCE = {
    "two channels": torch.zeros(4, 2, *SIZE),
    "NaN": torch.full((4, 1, *SIZE), float("nan")),
    "below 0": torch.full((4, 1, *SIZE), -0.5),
    "class labels": spread(torch.tensor([0, 1, 2])),
    "floats above 1": torch.full((4, 1, *SIZE), 2.0),
}


@pytest.mark.parametrize("donors", [False, True])
@pytest.mark.parametrize("bad", BAD_EVIDENCE)
def test_evidence_that_is_given_apart_is_checked_where_it_is_only_looked_at(bad: str, donors: bool) -> None:
    op, images, good = ZoneMix(PARSER, p=1.0), torch.rand(4, 1, *SIZE), torch.ones(4, 1, *SIZE)
    second = Augmented(images, TEXTS, evidence=good.to(BAD_EVIDENCE[bad].dtype)) if donors else None
    with pytest.raises(InvalidValueError, match="Expected `evidence`"):
        op(images, TEXTS, evidence=BAD_EVIDENCE[bad], donors=second)
    if donors and bad != "two channels":
        with pytest.raises(InvalidValueError, match="Expected `evidence`"):
            mine = good.to(BAD_EVIDENCE[bad].dtype)
            op(images, TEXTS, evidence=mine, donors=Augmented(images, TEXTS, evidence=BAD_EVIDENCE[bad]))
    assert op(images, TEXTS, BAD_EVIDENCE[bad], generator=seeded()).accepted.any()  # a bare target may hold anything


@pytest.mark.parametrize("name", OPS)
def test_evidence_has_one_channel_whether_it_is_read_or_not(name: str) -> None:
    op, images = OPS[name](FORMS["bool"]), torch.rand(len(TEXTS), 1, *SIZE)
    words = r"Expected `evidence` of shape \(B, 1, \*spatial\) or \(B, \*spatial\), but got \(4, 2, 24, 24\)"
    with pytest.raises(InvalidValueError, match=words):
        op(images, TEXTS, evidence=torch.zeros(len(TEXTS), 2, *SIZE))
