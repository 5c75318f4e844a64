"""The doctor: looks at a data set of images, masks and captions, and says what to mend before training on it.

The names are loaded on first use, so that the command line costs neither torch nor spaCy where it needs none.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossmodal_aug.doctor.dose import Dose
    from crossmodal_aug.doctor.examination import Examination
    from crossmodal_aug.doctor.examining import examine
    from crossmodal_aug.doctor.findings import Finding, Level

_HOME = {
    "Dose": "dose",
    "Examination": "examination",
    "Finding": "findings",
    "Level": "findings",
    "examine": "examining",
}

__all__ = ["Dose", "Examination", "Finding", "Level", "examine"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
