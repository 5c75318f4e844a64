"""Two models on the same images: the difference of each score, its interval and its test, both by patient.

Images of one patient are alike, so what is drawn anew, and what is exchanged in the test, are patients with all of
their images. Where runs of several seeds are compared in pairs, a patient is drawn in all of them at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.draws import seeded
from semimedref.evaluation.bootstrap import Bootstrap, Interval
from semimedref.evaluation.tally import Tally
from semimedref.evaluation.totals import Measure, measures, score_of, totals

AT_A_TIME = 500
"""Exchanges whose sums are in memory at once."""


@dataclass(frozen=True)
class Difference:
    """A score of A and of B.

    Attributes:
        name: Of the score.
        first: That of A, the mean over its runs, in percent.
        second: That of B.
        difference: A less B, with the 95 % interval of a bootstrap of the patients.
        by_run: A less B of each pair of runs.
        over_runs: A less B with the interval of a bootstrap of patients and pairs of runs; None for a single pair.
        p: Of a two-sided test by exchange: how often a difference this large comes about where each patient's counts
            are A's or B's by chance.
        patients: Number of those that have an image.
    """

    name: str
    first: float
    second: float
    difference: Interval
    by_run: tuple[float, ...]
    over_runs: Interval | None
    p: float
    patients: int

    def to_dict(self) -> dict[str, object]:
        """Return everything by name, for JSON."""
        return {
            "name": self.name,
            "first": self.first,
            "second": self.second,
            "difference": self.difference.to_dict(),
            "by_run": list(self.by_run),
            "over_runs": None if self.over_runs is None else self.over_runs.to_dict(),
            "p": self.p,
            "patients": self.patients,
        }


def paired(
    first: Sequence[Tally],
    second: Sequence[Tally],
    bootstrap: Bootstrap,
    *,
    exchanges: int = 9999,
    only: Sequence[str] | None = None,
) -> list[Difference]:
    """Compare runs of A with runs of B, in pairs.

    Args:
        first: Tallies of A's runs.
        second: As many of B's, in the same order: same seed, same labelled images.
        bootstrap: Draws the intervals.
        exchanges: Number of exchanges of the test.
        only: Names of the scores; None takes those that all tallies tell.

    Returns:
        A row for each score.

    Raises:
        InvalidValueError: There is no pair, or a run of A was scored on other images than one of B, or ``exchanges`` is
            below 1.
    """
    check_pairs(first, second)
    if exchanges < 1:
        raise InvalidValueError(f"Expected at least 1 exchange, but got {shown(exchanges)}.")
    shared = [one for one in measures(first[0]) if only is None or one.name in only]
    for other in (*first, *second):
        told = {(one.name, one.rows) for one in measures(other)}
        shared = [one for one in shared if (one.name, one.rows) in told]
    if not shared:
        raise InvalidValueError("Expected a score that all of these runs tell, but there is none.")
    return [_difference(one, first, second, bootstrap, exchanges) for one in shared]


def check_pairs(first: Sequence[Tally], second: Sequence[Tally]) -> None:
    """Raise unless two lists of runs can be compared in pairs.

    Raises:
        InvalidValueError: They cannot.
    """
    if not first or len(first) != len(second):
        raise InvalidValueError(f"Expected as many runs of B as of A, but got {len(second)} and {len(first)}.")
    for one in (*first, *second):
        if one.images != first[0].images or not torch.equal(one.patients, first[0].patients):
            raise InvalidValueError(
                f"Expected counts of the same images in the same order, but got {len(first[0].images)} and "
                f"{len(one.images)}, of which {len(set(first[0].images) & set(one.images))} are the same."
            )


def _difference(
    measure: Measure, first: Sequence[Tally], second: Sequence[Tally], bootstrap: Bootstrap, exchanges: int
) -> Difference:
    # (P, pairs, rows, SUMS): all that is needed of both.
    ours, theirs = (torch.stack([totals(one, measure) for one in many], dim=1) for many in (first, second))
    told = (ours[..., -1].sum(dim=(1, 2)) + theirs[..., -1].sum(dim=(1, 2))) > 0
    ours, theirs = ours[told], theirs[told]
    patients, pairs = ours.shape[:2]

    def gaps(weights: Tensor) -> Tensor:
        """Return (R, pairs) differences for (R, P) weights."""
        return _scores(weights, ours, measure.kind) - _scores(weights, theirs, measure.kind)

    whole = torch.ones(1, patients, dtype=torch.float64)
    each = gaps(whole)[0]
    drawn = gaps(bootstrap.weights(patients))
    runs = bootstrap.weights_beside(pairs)
    over_runs = None
    if pairs > 1:
        over_runs = bootstrap.interval(each.mean(), (drawn * runs).sum(dim=1) / pairs)
    found = abs(each.mean().item())
    # A difference that differs by rounding alone is as large.
    extreme = sum(int((abs(one) >= found - 1e-9).sum()) for one in _exchanged(ours, theirs, measure.kind, exchanges))
    return Difference(
        measure.name,
        _scores(whole, ours, measure.kind).mean().item(),
        _scores(whole, theirs, measure.kind).mean().item(),
        bootstrap.interval(each.mean(), drawn.mean(dim=1)),
        tuple(each.tolist()),
        over_runs,
        (1 + extreme) / (1 + exchanges),
        patients,
    )


def _scores(weights: Tensor, summed: Tensor, kind: str) -> Tensor:
    """Return (R, pairs) scores for (R, P) weights of (P, pairs, rows, SUMS)."""
    return score_of((weights @ summed.flatten(1)).unflatten(1, summed.shape[1:]), kind)


def _exchanged(ours: Tensor, theirs: Tensor, kind: str, exchanges: int) -> list[Tensor]:
    """Return differences, the mean over pairs, where each patient's counts are exchanged or not by chance."""
    generator = seeded(exchanges, len(ours))
    found = []
    for start in range(0, exchanges, AT_A_TIME):
        count = min(AT_A_TIME, exchanges - start)
        swap = torch.randint(2, (count, len(ours)), generator=generator).double()
        # Exchanged patients give A their counts under B, and B those under A.
        first = score_of(_mixed(1 - swap, ours, swap, theirs), kind)
        second = score_of(_mixed(swap, ours, 1 - swap, theirs), kind)
        found.append((first - second).mean(dim=1))
    return found


def _mixed(weights: Tensor, ours: Tensor, other_weights: Tensor, theirs: Tensor) -> Tensor:
    summed = weights @ ours.flatten(1) + other_weights @ theirs.flatten(1)
    return summed.unflatten(1, ours.shape[1:])
