"""Every op in every setting, for tests that must hold for all of them."""

from collections.abc import Callable
from itertools import product

from crossmodal_aug import (
    CrossModalSequential,
    Focus,
    PosAug,
    PositionParser,
    Reword,
    SyncFlip,
    SyncGeometry,
    TPatchMix,
    ZoneMix,
)

Build = Callable[[PositionParser], object]

WHERE, GATES, TEXT = (
    ("anchor", "donor", "shared", "probability", "anywhere"),
    ("lesion", "confident", None),
    ("evidence", "union", "keep"),
)
PATCH_MIX: dict[str, Build] = {
    f"TPatchMix {where} {gate} {text}": (
        lambda parser, where=where, gate=gate, text=text: TPatchMix(
            parser, patch_size=3, p=0.8, where=where, gate=gate, gate_threshold=0.5 if gate else None, text=text
        )
    )
    for where, gate, text in product(WHERE, GATES, TEXT)
} | {"TPatchMix paper": TPatchMix.paper}
# Of those, which differ in three things, the ones in which each two values of two things meet, and the others.
MEETING = tuple(
    f"TPatchMix {where} {gate} {TEXT[(i + j) % 3]}" for i, where in enumerate(WHERE) for j, gate in enumerate(GATES)
)
REPEATING = frozenset(PATCH_MIX) - {"TPatchMix paper", *MEETING}
ZONE_MIX: dict[str, Build] = {
    f"ZoneMix {unit} {cut}": (lambda parser, unit=unit, cut=cut: ZoneMix(parser, unit=unit, p=0.8, max_cut=cut))
    for unit, cut in product(("side", "region", "subset"), (None, 0.2))
}
FOCUS: dict[str, Build] = {
    f"Focus {unit} {cut}": (lambda parser, unit=unit, cut=cut: Focus(parser, unit=unit, p=0.8, max_cut=cut))
    for unit, cut in product(("side", "region"), (None, 0.2))
}
POS_AUG: dict[str, Build] = {
    f"PosAug {mode}": (lambda parser, mode=mode: PosAug(parser, phrase_p=0.6, mode=mode))
    for mode in ("mask", "fuzz", "coarsen", "mix")
}
REWORD: dict[str, Build] = {"Reword": lambda parser: Reword(parser, p=0.6)}
SYNC_FLIP: dict[str, Build] = {"SyncFlip": lambda parser: SyncFlip(parser, p=0.6)}
BENT = {"degrees": 12.0, "scale": (0.8, 1.3), "translate": 0.1, "crop": 0.7}
SYNC_GEOMETRY: dict[str, Build] = {
    "SyncGeometry flips": lambda parser: SyncGeometry(parser, p=0.8, vertical=True),
    "SyncGeometry flips, image frame": lambda parser: SyncGeometry(parser, p=0.8, vertical=True, frame="image"),
    "SyncGeometry bent": lambda parser: SyncGeometry(parser, p=0.8, vertical=True, **BENT),
    "SyncGeometry bent, image frame": lambda parser: SyncGeometry(parser, p=0.8, frame="image", **BENT),
}
MIXING = PATCH_MIX | ZONE_MIX
SINGLE = MIXING | FOCUS | POS_AUG | REWORD | SYNC_FLIP | SYNC_GEOMETRY
SEQUENCES: dict[str, Build] = {
    "ZoneMix, TPatchMix, SyncFlip, Focus": lambda parser: CrossModalSequential(
        ZoneMix(parser, p=0.6), TPatchMix(parser, patch_size=3, p=0.6), SyncFlip(parser), Focus(parser, unit="region")
    ),
    "SyncFlip, PosAug": lambda parser: CrossModalSequential(SyncFlip(parser), PosAug(parser)),
    "SyncGeometry, ZoneMix, SyncGeometry": lambda parser: CrossModalSequential(
        SyncGeometry(parser, vertical=True, frame="image"), ZoneMix(parser, p=0.6), SyncGeometry(parser)
    ),
    "Reword, ZoneMix, SyncFlip, Reword, PosAug": lambda parser: CrossModalSequential(
        Reword(parser), ZoneMix(parser, p=0.6), SyncFlip(parser), Reword(parser), PosAug(parser)
    ),
    "(SyncFlip, ZoneMix), Focus, (SyncGeometry, (TPatchMix))": lambda parser: CrossModalSequential(
        CrossModalSequential(SyncFlip(parser), ZoneMix(parser, p=0.6)),
        Focus(parser),
        CrossModalSequential(SyncGeometry(parser), CrossModalSequential(TPatchMix(parser, patch_size=3, p=0.6))),
    ),
}
EVERY = SINGLE | SEQUENCES
