"""What an atlas must have to be trained with."""

from crossmodal_aug import Atlas
from crossmodal_aug.errors import InvalidValueError
from semimedref.config import Config


def check_atlas(config: Config, atlas: Atlas) -> None:
    """Raise where a run needs sides or frames that an atlas does not have.

    Args:
        config: Settings of the run.
        atlas: The regions of its data.

    Raises:
        InvalidValueError: The message names what is missing.
    """
    if not atlas.sides:
        raise InvalidValueError(
            f"Expected an atlas whose regions have sides, by which obedience is measured, but {atlas.name} has none."
        )
    if config.reword and not atlas.phrasing.frames:
        raise InvalidValueError(
            f"Expected --reword 0, since the atlas {atlas.name} has no [[frames]] to say captions in, but got "
            f"{config.reword:g}."
        )
