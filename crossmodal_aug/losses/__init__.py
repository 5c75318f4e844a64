"""Losses as modules: settings at construction, tensors at the call."""

from crossmodal_aug.losses.itcl import ITCLoss
from crossmodal_aug.losses.queue import ITCQueue

__all__ = ["ITCLoss", "ITCQueue"]
