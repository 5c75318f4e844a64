"""MONAI: the ops that need one sample alone, as dictionary transforms."""

from crossmodal_aug.integrations.monai_arrays import CrossModald, Focusd
from crossmodal_aug.integrations.monai_inverses import SyncFlipd, SyncGeometryd
from crossmodal_aug.integrations.monai_texts import PosAugd, Rewordd, TextOpd

__all__ = ["CrossModald", "Focusd", "PosAugd", "Rewordd", "SyncFlipd", "SyncGeometryd", "TextOpd"]
