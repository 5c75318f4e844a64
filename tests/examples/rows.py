"""What the tests of the rows share: a method on phantoms, what its loss compares, and drawn batches."""

import torch
from semimedref.config import Config
from semimedref.draws import Draws, seeded
from semimedref.methods import METHODS
from semimedref.models import make_model

from crossmodal_aug import LUNG_ZONES, PositionParser

DRAWS = Draws(0, 5)
PARSER = PositionParser(LUNG_ZONES)
TEXTS = [
    "unilateral pulmonary infection, one infected area, upper left lung.",
    "bilateral pulmonary infection, two infected areas, lower left lung and upper right lung.",
    "unilateral pulmonary infection, one infected area, middle right lung.",
    "bilateral pulmonary infection, two infected areas, all left lung and lower right lung.",
]


def method(data, name, **settings):
    torch.manual_seed(0)
    given = {"size": 32, "width": 4, "batch_size": 8, "burn_in": 0.0, "ramp_up": 0.0, **settings}
    config = Config(method=name, **given)
    model = make_model([*data.labelled.texts, *data.unlabelled.texts], config, data.atlas)
    return METHODS[name](model, config, data.atlas, steps=10, steps_a_pass=2).train()


def compared(module, monkeypatch) -> list:
    """Write down what the method's loss gets to compare, and what comes of it."""
    calls, real = [], module.seg

    def noting(logits, target, weight=None):
        calls.append((logits, target, weight, real(logits, target, weight)))
        return calls[-1][-1]

    monkeypatch.setattr(module, "seg", noting)
    return calls


def drawn(count=12, size=28, seed=3):
    texts = (TEXTS * count)[:count]
    images = torch.rand(count, 1, size, size, generator=seeded(seed, 1))
    return images, texts, torch.rand(count, 1, size, size, generator=seeded(seed, 2))
