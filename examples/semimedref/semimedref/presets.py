"""Methods as named settings: what each is made of. Any of it can be set anew, for an ablation."""

from typing import Any

_PLAIN: dict[str, Any] = {
    "mix": "none",
    "geometry": 0.0,
    "geometry_order": "before",
    "flip": 0.0,
    "zone_unit": "side",
    "focus": 0.0,
    "focus_unit": "side",
    "reword": 0.0,
    "pos_aug": "none",
    "itcl": 0.0,
    "alter": "both",
    "pseudo_weight": "certainty",
    "unlabelled_weight": 1.0,
}
# As in the paper, whose schedule of the unlabelled weight ends at 0.3.
_PAPER: dict[str, Any] = {
    "pos_aug": "paper",
    "itcl": 1.0,
    "alter": "unlabelled",
    "pseudo_weight": "equal",
    "unlabelled_weight": 0.3,
}
_OURS: dict[str, Any] = {
    **_PLAIN,
    "mix": "both",
    "geometry": 0.7,
    "flip": 0.5,
    "focus": 0.1,
    "pos_aug": "mix",
    "itcl": 1.0,
}

PRESETS: dict[str, dict[str, Any]] = {
    "supervised": _PLAIN,
    "mean-teacher": _PLAIN,
    # CutMix moves what the teacher found (arXiv 1906.01916), so it is made on unlabelled images.
    "cutmix": {**_PLAIN, "mix": "cutmix", "alter": "unlabelled"},
    "text-flip": {**_PLAIN, "flip": 0.5},
    "paper": {**_PLAIN, **_PAPER, "mix": "paper"},
    "released": {**_PLAIN, **_PAPER, "mix": "released"},
    "semimedref": _OURS,
    # Reads zones and free wording too, for some Dice under the captions of the data set.
    "semimedref-reads": {**_OURS, "focus_unit": "region", "reword": 0.3},
}
"""The ingredients of each method, by the names that `Config` has for them."""

_NEW = ("geometry", "geometry_order", "zone_unit", "focus_unit", "reword")
EARLIER: dict[str, Any] = {name: _PLAIN[name] for name in _NEW}
"""What runs were made of whose stored settings do not name it, since there was no such setting."""
