"""Settings that say what a method is made of."""

from dataclasses import dataclass

from semimedref.presets import PRESETS
from semimedref.settings import ingredient, setting


@dataclass(frozen=True)
class MethodSettings:
    """The part of `Config` that is about the method; an ingredient that is not given comes with its preset."""

    method: str = setting("semimedref", "how it is trained: a preset of the ingredients below", tuple(PRESETS))
    mix: str = ingredient(
        "what crosses between images: T-PatchMix patches and captions as it finds them, ZoneMix sides, both; CutMix "
        "patches under untouched captions; T-PatchMix as in the paper, or as its code was released",
        ("none", "patch", "zone", "both", "cutmix", "paper", "released"),
    )
    geometry: float = ingredient(
        "probability that an image is turned, scaled and shifted, its mask and caption with it (SyncGeometry, in place "
        "of the weak zoom); of unlabelled images the weak view, which teacher and student share"
    )
    geometry_order: str = ingredient(
        "whether --geometry comes before what is mixed, flipped and narrowed, and before the teacher looks, or after",
        ("before", "after"),
    )
    flip: float = ingredient("probability of SyncFlip")
    zone_unit: str = ingredient(
        "what ZoneMix exchanges: all regions of a side, one region, or any subset", ("side", "region", "subset")
    )
    focus: float = ingredient("probability of Focus, which narrows caption and mask to some of the named regions")
    focus_unit: str = ingredient("what Focus keeps: one side, or any regions", ("side", "region"))
    reword: float = ingredient(
        "probability that a caption that the student sees is said in other words (Reword), before its positions are "
        "made vaguer"
    )
    pos_aug: str = ingredient(
        "how half of the position phrases of unlabelled captions are made vaguer: masked or fuzzed as in the paper, or "
        "masked, fuzzed or coarsened",
        ("none", "paper", "mix"),
    )
    itcl: float = ingredient("factor of the published weights of the contrastive loss; 0 leaves it out")
    alter: str = ingredient("which images are mixed, flipped and narrowed", ("both", "unlabelled"))
    pseudo_weight: str = ingredient(
        "what a pixel of a pseudo-mask counts: how sure the teacher is, 1 where it is 0.9 sure and else 0, or always 1",
        ("certainty", "threshold", "equal"),
    )
    unlabelled_weight: float = ingredient("weight of the unlabelled loss after the ramp")
