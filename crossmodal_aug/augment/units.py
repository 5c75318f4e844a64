"""What regions an op takes together: those of a side, one, or some."""

from collections.abc import Sequence

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.errors import InvalidValueError, shown
from crossmodal_aug.functional.checks import check_choice


def check_unit(unit: object, choices: Sequence[str], atlas: Atlas) -> None:
    """Raise unless an op can take regions of an atlas together in a way.

    Args:
        unit: The setting `unit`.
        choices: The ways that the op knows.
        atlas: The atlas of the op.

    Raises:
        InvalidValueError: It is none of them, or it is "side" and no region of the atlas has one.
    """
    check_choice("unit", unit, choices)
    if unit == "side" and not atlas.sides:
        others = " or ".join(shown(one) for one in choices if one != "side")
        raise InvalidValueError(
            f"Expected `unit` to be {others} with the atlas {shown(atlas.name)}, whose regions have no `side`, "
            "but got 'side'."
        )
