"""Settings that say which data a run reads, and how."""

from dataclasses import dataclass

from semimedref.settings import setting


@dataclass(frozen=True)
class DataSettings:
    """The part of `Config` that is about data."""

    data: str = setting("phantom", "what to train on", ("phantom", "qata", "mosmed", "folder"))
    root: str = setting("", "folder of the data set (not for phantoms, which are drawn)")
    atlas: str = setting(
        "", "for --data folder: the regions that its captions name: lung_zones, quadrants, or a TOML file of your own"
    )
    cache: str = setting(
        "", "folder that keeps decoded images for later runs, which then start sooner; nothing is kept if empty"
    )
    labels: float = setting(0.05, "share of the training set whose masks are used")
    split: str = setting(
        "auto",
        "how the labelled samples are chosen: the published shuffle of the training names, or their order in the "
        "file; auto takes file-order for a file that is in the published order already",
        ("auto", "shuffle", "file-order"),
    )
    split_seed: int = setting(
        0, "another draw of the labelled samples: any number but 0 shuffles the order that --split gives once more"
    )
    total: int = setting(
        0,
        "training samples that --labels is a share of, where the files are an excerpt; 0 takes the size of QaTa-COV19 "
        "for a file in its published order, and else the number of training samples",
    )
    mask_values: str = setting(
        "",
        "values of the masks that are lesion, where the files do not tell: 1 or 1,2 or 128-255 (grey levels, or places "
        "in a palette), or colours such as #ff0000",
    )
    allow_duplicates: bool = setting(
        False, "let the same picture, file name or patient stand in several of the training, validation and test parts"
    )
