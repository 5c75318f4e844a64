"""Settings that say what a method is made of."""

from dataclasses import dataclass

from semimedref.presets import PRESETS
from semimedref.settings import ingredient, setting


@dataclass(frozen=True)
class MethodSettings:
    """The part of `Config` that is about the method; an ingredient that is not given comes with its preset."""

    method: str = setting("semimedref", "how it is trained: a preset of the ingredients below", tuple(PRESETS))
    mix: str = ingredient(
        "what crosses between images: T-PatchMix patches and captions as it finds them, ZoneMix sides, both; under "
        "untouched captions the squares of CutMix, boxes of any shape, the cells of PatchMix, or BCP's boxes between "
        "labelled and unlabelled; MixGen; T-PatchMix word for word as published, or with the faults of its code; paper "
        "and released are those of this example's first edition",
        (
            *("none", "patch", "zone", "both", "cutmix", "boxes", "patchmix", "mixgen", "bcp"),
            *("published", "faulty", "paper", "released"),
        ),
    )
    patch_where: str = ingredient(
        "where --mix published or faulty puts its block: where the caption says, or where the other image's lesion is "
        "likely",
        ("position", "probability"),
    )
    geometry: float = ingredient(
        "probability that an image is turned, scaled and shifted, its mask and caption with it (SyncGeometry, in place "
        "of the weak zoom); of unlabelled images the weak view, which teacher and student share"
    )
    geometry_order: str = ingredient(
        "whether --geometry comes before what is mixed, flipped and narrowed, and before the teacher looks, or after",
        ("before", "after"),
    )
    geometry_words: str = ingredient(
        "whether the caption follows what --geometry moves, or stays as it was while the same images are moved",
        ("follow", "stay"),
    )
    flip: float = ingredient("probability of SyncFlip")
    flip_words: str = ingredient(
        "what --flip exchanges: the sides that the parser reads, the words left and right wherever they stand, or no "
        "word: the same images are flipped under the caption as it was",
        ("report", "keywords", "stay"),
    )
    zone_unit: str = ingredient(
        "what ZoneMix exchanges: all regions of a side, one region, or any subset", ("side", "region", "subset")
    )
    focus: float = ingredient("probability of Focus, which narrows caption and mask to some of the named regions")
    focus_unit: str = ingredient("what Focus keeps: one side, or any regions", ("side", "region"))
    reword: float = ingredient(
        "probability that a caption that the student sees is said in other words (Reword), before its positions are "
        "made vaguer"
    )
    unknown: float = ingredient(
        "probability that a word of a caption that the student sees is made unknown to it, if the regions are named "
        "without it"
    )
    unknown_captions: float = ingredient(
        "probability that all words of a caption that the student sees are made unknown to it, unless Focus narrowed it"
    )
    pos_aug: str = ingredient(
        "how half of the position phrases of unlabelled captions are made vaguer: masked or fuzzed as in the paper; "
        "masked, fuzzed or coarsened; as in the paper with a mask token that no tokenizer knows",
        ("none", "paper", "mix", "unknown"),
    )
    views: str = ingredient(
        "strong views of an unlabelled sample: one, two of its image, or its image under the caption as it is and made "
        "vaguer",
        ("one", "images", "texts"),
    )
    photometric: str = ingredient(
        "what the strong view changes: intensities in [0, 1], or z-scored ones, which it cuts to [0, 1]",
        ("unit", "z-scored"),
    )
    feature_dropout: float = ingredient(
        "share of the encoder's channels that a further view of the weak image does without; 0 makes no such view"
    )
    reads: str = ingredient(
        "what compact reads: the words, nothing at all, the named zones drawn as a second channel of the image, or the "
        "words in training and afterwards a caption that it writes itself",
        ("words", "nothing", "zones", "own"),
    )
    loss: str = ingredient(
        "what masks are compared by: Dice and cross-entropy, Dice alone, or focal loss", ("dice-ce", "dice", "focal")
    )
    itcl: float = ingredient("factor of the published weights of the contrastive loss; 0 leaves it out")
    positives: str = ingredient(
        "which captions belong to an image in the contrastive loss: as far as the regions overlap, its own alone, or "
        "the first but for captions without a region",
        ("jaccard", "identity", "placed"),
    )
    itcl_image: str = ingredient(
        "whether the image is embedded for the contrastive loss before or after it has read its caption",
        ("before", "after"),
    )
    alter: str = ingredient("which images are mixed, flipped and narrowed", ("both", "unlabelled"))
    masks_by: str = ingredient(
        "who finds the pseudo-masks: the student's average, or the student itself", ("teacher", "student")
    )
    pseudo_views: str = ingredient(
        "in what the pseudo-masks are found: the weak view, or that and its mirror image under the mirrored caption, "
        "whose mean counts",
        ("one", "mirrored"),
    )
    pseudo_weight: str = ingredient(
        "what a pixel of a pseudo-mask counts: how sure of it one is, 1 where one is --threshold sure and else 0, or "
        "always 1",
        ("certainty", "threshold", "equal"),
    )
    threshold: float = ingredient("how sure of a pixel one must be for --pseudo-weight threshold")
    pseudo_zones: str = ingredient(
        "where pseudo-masks may be: anywhere, or in the sides or the regions that the caption names",
        ("none", "side", "region"),
    )
    prior: str = ingredient(
        "whether pseudo-masks are aligned to the share of lesion that labelled masks hold where captions name a region "
        "and where they name none",
        ("none", "caption"),
    )
    drop: float = ingredient("share of the unlabelled samples that are left out, those with the largest loss")
    lv: float = ingredient("weight of LViT's loss against the regions that the caption names; 0 leaves it out")
    unlabelled_weight: float = ingredient("weight of the unlabelled loss after the ramp")
