"""Models, by name."""

from semimedref.models.base import ReferringModel
from semimedref.models.compact import Compact
from semimedref.models.guide_decoder import GuideDecoder
from semimedref.models.mmi_unet import MMIUNet

__all__ = ["MODELS", "ReferringModel"]

MODELS: dict[str, type[ReferringModel]] = {one.name: one for one in (Compact, MMIUNet, GuideDecoder)}
