"""Models, by name."""

from semimedref.models.base import ReferringModel
from semimedref.models.compact import Compact

__all__ = ["MODELS", "ReferringModel"]

MODELS: dict[str, type[ReferringModel]] = {Compact.name: Compact}
