"""Texts of images that were flipped, turned or moved."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas.geometry import Frame
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.errors import CannotSay


class Turned(IntEnum):
    """What became of left and right.

    Experimental: may change in every version.
    """

    STAY = 0
    EXCHANGED = 1
    SIDEWAYS = 2


def turned_texts(
    parser: PositionParser, texts: Sequence[str], accepted: Tensor, turn: Tensor, positions: Tensor, frame: Frame
) -> list[str | None]:
    """Return each text as its sample was moved.

    Args:
        parser: Reads and rewrites them.
        texts: B texts.
        accepted: (B,) bool: the samples that were moved.
        turn: (B,) int64: what became of their left and right, as `Turned`.
        positions: (B, K) bool: the regions that hold afterwards.
        frame: What words speak of: "body" or "image".

    Returns:
        B texts, the same objects where nothing is to be changed; None where one cannot be written well.
    """
    rows = torch.cat((torch.stack((accepted, turn), dim=1), positions), dim=1).cpu().tolist()
    written: list[str | None] = []
    for text, (is_moved, turned, *bits) in zip(texts, rows, strict=True):
        try:
            held = [bool(bit) for bit in bits]
            new = turned_text(parser, text, Turned(turned), held, frame=frame) if is_moved else text
        except CannotSay:
            written.append(None)
        else:
            written.append(text if new == text else new)
    return written


def turned_text(parser: PositionParser, text: str, turn: Turned, positions: Sequence[bool], *, frame: Frame) -> str:
    """Return what a text becomes when its image is turned.

    Args:
        parser: Reads and rewrites it.
        text: The text.
        turn: What became of left and right.
        positions: One bit a region: those that hold afterwards.
        frame: What words speak of: "body" or "image".

    Returns:
        The text with left and right exchanged, where they were, stating the positions.

    Raises:
        CannotSay: It cannot be rewritten well; or words speak of the picture, and it says where nothing is ("not at the
            top"), or is turned sideways and speaks of a left or right that is not a place.
    """
    if turn is Turned.EXCHANGED:
        text = parser.mirror(text)
    report = parser.parse_many([text])[0]
    if turn is Turned.SIDEWAYS and frame == "image":
        loose, at = "", 0
        for mention in report.mentions:
            loose, at = loose + text[at : mention.start] + "\n", mention.end
        loose += text[at:]
        if parser.mirror(loose) != loose:
            raise CannotSay(
                "Expected a text that can be turned, but it speaks of a left or right beside its positions."
            )
    if report.counted == "several" and sum(positions) < sum(report.bits):
        raise CannotSay("Expected a text that can follow, but it counts findings of which some may be out of sight.")
    is_turned = turn is Turned.SIDEWAYS or report.bits != tuple(positions)
    if is_turned and frame == "image" and report.negated:
        raise CannotSay("Expected a text that can be turned, but it says of places that nothing is there.")
    return text if report.bits == tuple(positions) else parser.rewrite(text, positions)
