"""Methods as named settings: what each is made of. Any of it can be set anew, for an ablation.

What is literal in each and what is ours, and where it comes from: `docs/how-to/methods.md`.
"""

from typing import Any

PLAIN: dict[str, Any] = {
    "mix": "none",
    "patch_where": "position",
    "geometry": 0.0,
    "geometry_order": "before",
    "geometry_words": "follow",
    "flip": 0.0,
    "flip_words": "report",
    "zone_unit": "side",
    "focus": 0.0,
    "focus_unit": "side",
    "reword": 0.0,
    "unknown": 0.0,
    "unknown_captions": 0.0,
    "pos_aug": "none",
    "views": "one",
    "photometric": "unit",
    "feature_dropout": 0.0,
    "reads": "words",
    "loss": "dice-ce",
    "itcl": 0.0,
    "positives": "jaccard",
    "itcl_image": "before",
    "alter": "both",
    "masks_by": "teacher",
    "pseudo_views": "one",
    "pseudo_weight": "certainty",
    "threshold": 0.9,
    "pseudo_zones": "none",
    "prior": "none",
    "drop": 0.0,
    "lv": 0.0,
    "unlabelled_weight": 1.0,
}
"""Every ingredient as it is where a method does without."""

# As in the paper, whose schedule of the unlabelled weight ends at 0.3.
_PAPER: dict[str, Any] = {
    **PLAIN,
    "mix": "published",
    "pos_aug": "paper",
    "itcl": 1.0,
    "alter": "unlabelled",
    "pseudo_weight": "equal",
    "unlabelled_weight": 0.3,
}
_OURS: dict[str, Any] = {
    **PLAIN,
    "mix": "both",
    "geometry": 0.7,
    "flip": 0.5,
    "focus": 0.1,
    "pos_aug": "mix",
    "itcl": 1.0,
}
# What the student is 0.95 sure of counts, and nothing else does.
_FIXMATCH: dict[str, Any] = {**PLAIN, "masks_by": "student", "pseudo_weight": "threshold", "threshold": 0.95}

PRESETS: dict[str, dict[str, Any]] = {
    "supervised": PLAIN,
    "mean-teacher": PLAIN,
    # CutMix moves what the teacher found (arXiv 1906.01916), so it is made on unlabelled images.
    "cutmix": {**PLAIN, "mix": "cutmix", "alter": "unlabelled"},
    "text-flip": {**PLAIN, "flip": 0.5},
    "paper": _PAPER,
    "released": {
        **_PAPER,
        "mix": "faulty",
        "pos_aug": "unknown",
        "photometric": "z-scored",
        "loss": "dice",
        "positives": "placed",
        "itcl_image": "after",
    },
    "semimedref": _OURS,
    # Reads zones and free wording too, for some Dice under the captions of the data set.
    "semimedref-reads": {**_OURS, "focus_unit": "region", "reword": 0.3, "unknown": 0.15, "unknown_captions": 0.15},
    "fixmatch": _FIXMATCH,
    "unbiased-teacher": {**PLAIN, "pseudo_weight": "threshold", "threshold": 0.7, "loss": "focal"},
    "cutmix-boxes": {**PLAIN, "mix": "boxes", "alter": "unlabelled"},
    "unimatch": {**_FIXMATCH, "mix": "boxes", "alter": "unlabelled", "views": "images", "feature_dropout": 0.5},
    "bcp": {**PLAIN, "mix": "bcp", "pseudo_weight": "equal", "unlabelled_weight": 0.5},
    "mixgen": {**PLAIN, "mix": "mixgen"},
    "keyword-flip": {**PLAIN, "flip": 0.5, "flip_words": "keywords"},
    "patchmix": {**PLAIN, "mix": "patchmix", "alter": "unlabelled"},
    "cmmix": {**PLAIN, "mix": "zone", "zone_unit": "region", "alter": "unlabelled", "drop": 0.2},
    "textmatch": {**PLAIN, "views": "texts", "pos_aug": "mix"},
    "lvit": {**PLAIN, "lv": 0.1},
    "remixmatch": {**PLAIN, "prior": "caption"},
    "zone-gate": {**PLAIN, "pseudo_zones": "region"},
    "no-text": {**PLAIN, "reads": "nothing"},
    "zone-channel": {**PLAIN, "reads": "zones"},
    "own-caption": {**PLAIN, "reads": "own"},
}
"""The ingredients of each method, by the names that `Config` has for them."""

_FIRST = ("mix", "flip", "focus", "pos_aug", "itcl", "alter", "pseudo_weight", "unlabelled_weight")
EARLIER: dict[str, Any] = {name: value for name, value in PLAIN.items() if name not in _FIRST}
"""What runs were made of whose stored settings do not name it, since there was no such setting."""
