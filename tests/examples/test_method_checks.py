"""Settings of a method that would have no effect are refused."""

import pytest
from semimedref.config import Config
from semimedref.presets import PRESETS

from crossmodal_aug.errors import InvalidValueError

REFUSED = [
    ({"method": "fixmatch", "unlabelled_weight": 0.0, "threshold": 0.5}, "above 0, and --pseudo-weight threshold"),
    ({"method": "semimedref", "patch_where": "probability"}, "--mix published or faulty beside --patch-where"),
    ({"method": "mean-teacher", "geometry_order": "after"}, "--geometry above 0 beside --geometry-order after"),
    ({"method": "mean-teacher", "alter": "unlabelled"}, "--mix that alters both .* beside --alter unlabelled"),
    ({"method": "bcp", "alter": "unlabelled"}, "--flip or --focus beside --alter unlabelled"),
    *(
        ({"method": "mean-teacher", "unlabelled_weight": 0.0, name: value}, "and an --unlabelled-weight above 0")
        for name, value in {
            "masks_by": "student",
            "pseudo_views": "mirrored",
            "pseudo_weight": "equal",
            "pseudo_zones": "side",
            "prior": "caption",
            "photometric": "z-scored",
            "pos_aug": "mix",
            "views": "images",
            "feature_dropout": 0.5,
            "drop": 0.1,
            "lv": 0.1,
        }.items()
    ),
    *(
        (
            {"model": "compact", name: value},
            f"Expected no --{name.replace('_', '-')} beside --model compact, where it has no effect, but got {value}.$",
        )
        for name, value in {
            "pretrained": "none",
            "image_weights": "weights.pth",
            "text_encoder": "bert",
            "max_tokens": 24,
        }.items()
    ),
    ({"model": "mmi-unet", "pretrained": "text", "image_weights": "w.pth"}, "no --image-weights beside --pretrained"),
    *(
        (
            {"data": "phantom", name: value},
            f"Expected no --{name.replace('_', '-')} beside --data phantom, where it has no effect, but got {value}.$",
        )
        for name, value in {"root": "DIR", "cache": "DIR", "mask_values": "1", "allow_duplicates": True}.items()
    ),
    ({"method": "mean-teacher", "flip_words": "keywords"}, "--flip above 0 beside --flip-words keywords"),
    ({"method": "mean-teacher", "zone_unit": "region"}, "--mix zone or both beside --zone-unit region"),
    ({"method": "mean-teacher", "focus_unit": "region"}, "--focus above 0 beside --focus-unit region"),
    ({"method": "mean-teacher", "positives": "identity"}, "--itcl above 0 beside --positives identity"),
    ({"method": "mean-teacher", "itcl_image": "after"}, "--itcl above 0 beside --itcl-image after"),
    ({"method": "mean-teacher", "threshold": 0.8}, "--pseudo-weight threshold beside --threshold 0.8"),
    *(
        ({"method": "supervised", name: value}, f"sees unlabelled images.* beside --{name.replace('_', '-')} {value}")
        for name, value in {
            "masks_by": "student",
            "pseudo_views": "mirrored",
            "pseudo_weight": "equal",
            "pseudo_zones": "side",
            "prior": "caption",
            "photometric": "z-scored",
            "unlabelled_weight": 0.5,
            "views": "images",
            "feature_dropout": 0.5,
            "drop": 0.1,
            "lv": 0.1,
        }.items()
    ),
    ({"method": "bcp", "views": "images"}, "another --mix than bcp beside --views images"),
    ({"method": "supervised", "mix": "bcp"}, "another --mix than bcp, which needs unlabelled images"),
    ({"method": "bcp", "itcl": 1.0}, "--itcl 0 beside --mix bcp"),
    ({"method": "mean-teacher", "views": "texts"}, "--pos-aug beside --views texts"),
    ({"method": "paper", "views": "texts"}, "another --mix beside --views texts"),
    ({"method": "no-text", "model": "mmi-unet"}, "--model compact for --reads nothing"),
    ({"method": "zone-channel", "itcl": 1.0}, "--itcl 0 for --reads zones"),
    ({"method": "zone-channel", "reword": 0.3}, "--reword 0 for --reads zones"),
    ({"method": "no-text", "focus": 0.1}, "no --focus for --reads nothing"),
    ({"method": "no-text", "pos_aug": "mix"}, "no --pos-aug for --reads nothing"),
    ({"drop": 1.0}, "`drop` to be in"),
    ({"feature_dropout": 1.0}, "`feature_dropout` to be in"),
    ({"lv": float("inf")}, "`lv` to be finite"),
    ({"threshold": 1.5}, "`threshold` to be in"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_what_would_have_no_effect_is_refused(settings, message):
    with pytest.raises(InvalidValueError, match=message):
        Config(**settings)


def test_what_a_preset_brings_may_rest():
    for name, preset in PRESETS.items():
        assert Config(method=name) == Config(method=name, **preset)
    assert Config(method="unimatch", unlabelled_weight=0.0).views == "images"
    assert Config(method="cutmix", mix="none").alter == "unlabelled"
    assert Config(method="released", itcl=0.0).positives == "placed"
    assert Config(method="semimedref-reads", focus=0.0).focus_unit == "region"
