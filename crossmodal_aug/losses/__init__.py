"""Losses as modules: settings at construction, tensors at the call."""

from crossmodal_aug.losses.itcl import ITCLoss

__all__ = ["ITCLoss"]
