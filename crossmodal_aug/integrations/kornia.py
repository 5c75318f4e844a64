"""kornia: `KorniaMix` puts an op into a pipeline, `KorniaSync` makes the words follow a pipeline."""

from crossmodal_aug.integrations.kornia_mix import KorniaMix
from crossmodal_aug.integrations.kornia_sync import KorniaSync, KorniaSyncParams

__all__ = ["KorniaMix", "KorniaSync", "KorniaSyncParams"]
