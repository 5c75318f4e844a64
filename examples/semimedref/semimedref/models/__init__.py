"""Models, by name."""

from collections.abc import Sequence

from crossmodal_aug import Atlas
from semimedref.atlases import is_of_lungs, written_words
from semimedref.config import Config
from semimedref.models.base import ReferringModel
from semimedref.models.compact import Compact
from semimedref.models.guide_decoder import GuideDecoder
from semimedref.models.lavt import Lavt
from semimedref.models.lite_unet import LiteUNet
from semimedref.models.mmi_unet import MMIUNet
from semimedref.models.own_caption import OwnCaption
from semimedref.models.textless import Textless, ZoneChannel

__all__ = ["MODELS", "STORED", "ReferringModel", "make_model"]

READERS: dict[str, type[Textless | OwnCaption]] = {"nothing": Textless, "zones": ZoneChannel, "own": OwnCaption}
"""What `compact` becomes where it reads something else than the words of its caption."""

MODELS: dict[str, type[ReferringModel]] = {one.name: one for one in (Compact, MMIUNet, GuideDecoder, Lavt, LiteUNet)}
"""By the names of `--model`."""
STORED: dict[str, type[ReferringModel]] = MODELS | {one.name: one for one in READERS.values()}
"""By the name that a checkpoint has for them."""


def make_model(texts: Sequence[str], config: Config, atlas: Atlas) -> ReferringModel:
    """Make the model of a run.

    Args:
        texts: The captions that it trains on.
        config: Settings of the run.
        atlas: The data set's regions.

    Raises:
        CrossModalError: Weights or a library that the settings ask for cannot be had, or the atlas does not fit.
    """
    if config.reads != "words":
        return READERS[config.reads].for_atlas(texts, config, atlas)
    if not is_of_lungs(atlas):
        # The words that ops write about lungs every model knows.
        texts = [*texts, *written_words(atlas, frames=config.reword > 0)]
    return MODELS[config.model].for_run(texts, config)
