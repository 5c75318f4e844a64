"""Keys that lead into nested samples: no real data set hands out flat dictionaries."""

from collections import OrderedDict, UserDict, defaultdict, namedtuple
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import pytest
import torch
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.transforms import v2
from transformers import BatchEncoding, BatchFeature

from crossmodal_aug import Focus, PosAug, SyncFlip, ZoneMix
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.integrations.batch import CrossModalBatch
from crossmodal_aug.integrations.collate import CrossModalCollate
from crossmodal_aug.integrations.paths import get, put
from crossmodal_aug.integrations.samples import SampleKeys
from crossmodal_aug.integrations.torchvision import CrossModalTransform

Pair = namedtuple("Pair", ["data", "meta"])

# How real data sets lay out a sample, and the keys that lead into it.
LAYOUTS = {
    "image and its target": (
        lambda image, mask, text: (image, {"mask": mask, "caption": text, "id": "a"}),
        SampleKeys(
            image=0, text=(1, "caption"), mask=(1, "mask"), positions=(1, "positions"), accepted=(1, "accepted")
        ),
    ),
    "a tuple": (
        lambda image, mask, text: (image, mask, text),
        SampleKeys(image=0, mask=1, text=2, positions=3, accepted=4),
    ),
    "two dictionaries in a tuple": (
        lambda image, mask, text: ({"image": image, "label": mask}, {"text": text}),
        SampleKeys(image=(0, "image"), mask=(0, "label"), text=(1, "text"), positions=None, accepted=(1, "accepted")),
    ),
    "a dictionary of lists": (
        lambda image, mask, text: {"inputs": [image, text], "labels": {"masks": [mask]}},
        SampleKeys(image=("inputs", 0), text=("inputs", 1), mask=("labels", "masks", 0), positions=("inputs", 2)),
    ),
    "a path of one step": (
        lambda image, mask, text: {"image": image, "text": text, "mask": mask},
        SampleKeys(image=("image",), text=("text",), mask=("mask",)),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("op_type", [SyncFlip, ZoneMix])
def test_every_adapter_finds_its_way(layout, op_type, phantoms, lung_parser) -> None:
    make, keys = LAYOUTS[layout]
    phantom, op = phantoms(batch=4), op_type(lung_parser, p=0.8)
    samples = [make(*row) for row in zip(phantom.images, phantom.masks, phantom.texts, strict=True)]
    alone = op(phantom.images, phantom.texts, phantom.masks, generator=torch.Generator().manual_seed(1))
    assert alone.accepted.any()
    (plain,) = DataLoader(samples, batch_size=4)
    rng = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    collated = CrossModalCollate(op, keys=keys)(samples)
    torch.manual_seed(1)
    expected = op(phantom.images, phantom.texts, phantom.masks)
    transformed = CrossModalTransform(op, keys=keys, generator=rng)(plain)
    batched = CrossModalBatch(op, keys=keys)(plain, generator=torch.Generator().manual_seed(1))
    for out, wanted in ((collated, expected), (transformed, alone), (batched, alone)):
        assert type(out) is type(plain)
        assert torch.equal(get(out, keys.image), wanted.images)
        assert torch.equal(get(out, keys.mask), wanted.target)
        assert list(get(out, keys.text)) == wanted.texts
        for key, value in ((keys.positions, wanted.positions), (keys.accepted, wanted.accepted)):
            assert key is None or torch.equal(get(out, key), value)
    assert torch.equal(get(plain, keys.image), phantom.images)  # what came in is as it was


@pytest.mark.parametrize("build", [partial(Focus, target_fill=1, ignore_index=255), ZoneMix, SyncFlip])
def test_evidence_beside_class_labels_in_every_adapter(build, phantoms, lung_parser) -> None:
    """The target holds classes and ignore values; what says where lesion is lies beside it."""
    phantom, op = phantoms(batch=6), build(lung_parser, p=1.0)
    labels = torch.where(phantom.masks > 0, 2, 1).to(torch.uint8)
    labels[..., 0, :] = 255
    keys = SampleKeys(evidence="lesion")
    batch = {"image": phantom.images, "text": phantom.texts, "mask": labels, "lesion": phantom.masks > 0}
    samples = [{key: values[row] for key, values in batch.items()} for row in range(6)]
    rng = torch.Generator().manual_seed(1)
    alone = op(phantom.images, phantom.texts, labels, evidence=batch["lesion"], generator=rng)
    assert alone.accepted.any()
    torch.manual_seed(1)
    collated = CrossModalCollate(op, keys=keys)(samples)
    torch.manual_seed(1)
    expected = op(phantom.images, phantom.texts, labels, evidence=batch["lesion"])
    batched = CrossModalBatch(op, keys=keys)(batch, generator=torch.Generator().manual_seed(1))
    transformed = CrossModalTransform(op, keys=keys, generator=torch.Generator().manual_seed(1))(batch)
    for out, wanted in ((collated, expected), (batched, alone), (transformed, alone)):
        assert torch.equal(out["mask"], wanted.target)
        assert torch.equal(out["lesion"], wanted.evidence)
        assert out["text"] == wanted.texts
    turned = {key: values.mT if isinstance(values, torch.Tensor) else values for key, values in batch.items()}
    out = CrossModalBatch(op, keys=keys, width_axis=0)(turned, generator=torch.Generator().manual_seed(1))
    assert torch.equal(out["lesion"].mT, alone.evidence)
    with pytest.raises(InvalidValueError, match="lesion"):
        CrossModalBatch(op, keys=keys)({key: batch[key] for key in ("image", "text", "mask")})


def test_in_a_v2_pipeline_of_several_inputs(phantoms, lung_parser) -> None:
    phantom = phantoms(batch=1)
    keys = SampleKeys(image=0, mask=(1, "mask"), text=(1, "text"), positions=(1, "bits"), accepted=None)
    pipeline = v2.Compose([v2.Identity(), CrossModalTransform(SyncFlip(lung_parser, p=1.0), keys=keys)])
    target = {"mask": tv_tensors.Mask(phantom.masks[0]), "text": phantom.texts[0]}
    image, out = pipeline(tv_tensors.Image(phantom.images[0]), target)
    assert type(image) is tv_tensors.Image
    assert type(out["mask"]) is tv_tensors.Mask
    assert torch.equal(out["mask"], target["mask"].flip(-1))
    assert lung_parser(out["text"]).bits == tuple(out["bits"].tolist())
    with pytest.raises(InvalidTypeError, match=r"1 is a dict that holds one.*\(1, 'spare'\)"):
        pipeline(image, {**target, "spare": tv_tensors.Mask(phantom.masks[0])})
    with pytest.raises(InvalidTypeError, match=r"got some under \[\(1, 'box'\)\]"):
        box = tv_tensors.BoundingBoxes([[1, 2, 3, 4]], format="XYXY", canvas_size=(48, 40))
        pipeline(image, {**target, "box": box})


def test_put_copies_only_what_leads_there() -> None:
    sample = ({"a": [1, 2]}, {"b": 3}, Pair({"c": 4}, 5))
    out = put(sample, (0, "a", 1), 9)
    assert out == ({"a": [1, 9]}, {"b": 3}, Pair({"c": 4}, 5))
    assert out[1] is sample[1]
    assert sample[0] == {"a": [1, 2]}
    assert put(sample, (2, 0, "c"), 6)[2] == Pair({"c": 6}, 5)
    assert put(sample, 3, 7)[3] == 7
    assert put([1, 2], -1, 3) == [1, 3]
    with pytest.raises(InvalidValueError, match=r"place for 5 in the sample, but got the keys \[0, 1, 2\]"):
        put(sample, 5, 0)


def test_errors_name_the_key(phantoms, lung_parser) -> None:
    op = SyncFlip(lung_parser)
    image, mask = torch.rand(1, 4, 4), torch.zeros(1, 4, 4)
    keys = SampleKeys(image=0, mask=1, text=2, positions=3, accepted=4)
    with pytest.raises(InvalidValueError, match=r"\[2\] are not among \[0, 1\]"):
        CrossModalCollate(op, keys=keys)([(image, mask)])
    with pytest.raises(InvalidTypeError, match="samples to be tuples, but got Tensor"):
        CrossModalCollate(op, keys=keys)([image])
    with pytest.raises(InvalidValueError, match="place for 'positions' in the sample"):
        CrossModalCollate(op, keys=SampleKeys(image=0, mask=1, text=2))([(image, mask, "Clear.")])
    with pytest.raises(InvalidTypeError, match="integers, or tuples of them, but got \\(\\)"):
        SampleKeys(image=())
    with pytest.raises(InvalidTypeError, match="integers, or tuples of them, but got True"):
        SampleKeys(image=True)
    with pytest.raises(InvalidValueError, match="differ from each other"):
        SampleKeys(image=("text",))
    with pytest.raises(InvalidValueError, match=r"\('a', 'b'\) lies within \('a',\)"):
        SampleKeys(image="a", text=("a", "b"))


def test_text_alone_in_a_tuple(lung_parser) -> None:
    keys = SampleKeys(image=None, mask=None, text=0, positions=None, accepted=1)
    out = CrossModalCollate(PosAug(lung_parser, phrase_p=1.0, mode="mask"), keys=keys)([("Left base opacity.",)])
    assert list(out[0]) == ["[MASK] opacity."]
    assert out[1].tolist() == [True]


class Loose(Mapping):
    """A mapping that says nothing of how it is copied."""

    def __init__(self, entries):
        self.entries = entries

    def __getitem__(self, key):
        return self.entries[key]

    def __iter__(self):
        return iter(self.entries)

    def __len__(self):
        return len(self.entries)


class Named(dict):
    """A dictionary with something beside its entries."""


KINDS = {
    "dict": dict,
    "OrderedDict": OrderedDict,
    "defaultdict": lambda entries: defaultdict(list, entries),
    "UserDict": UserDict,
    "BatchEncoding": BatchEncoding,
    "BatchFeature": BatchFeature,
    "a dict of one's own": Named,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_a_dictionary_is_kept(kind, phantoms, lung_parser) -> None:
    phantom, op = phantoms(batch=2), SyncFlip(lung_parser, p=1.0)
    batch = KINDS[kind]({"image": phantom.images, "mask": phantom.masks, "text": phantom.texts})
    if kind == "a dict of one's own":
        batch.name = "train"
    keys = list(batch)
    out = CrossModalBatch(op)(batch)
    assert type(out) is type(batch)
    assert torch.equal(out["image"], phantom.images.flip(-1))
    assert out["accepted"].all()
    assert list(batch) == keys
    assert batch["image"] is phantom.images
    if kind == "defaultdict":
        assert out["further"] == []
    elif kind == "a dict of one's own":
        assert out.name == "train"
    elif kind.startswith("Batch"):
        assert callable(out.to)


@pytest.mark.parametrize("kind", [MappingProxyType, Loose])
def test_a_mapping_that_cannot_be_rebuilt_becomes_a_dictionary(kind) -> None:
    sample = kind({"a": 1})
    assert put(sample, "b", 2) == {"a": 1, "b": 2}
    assert dict(sample) == {"a": 1}
