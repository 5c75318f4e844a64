"""Where the randomness of a step comes from."""

import torch

# New ones go to the end: the place of a name decides what is drawn for it.
BRANCHES = ("labelled", "unlabelled", "second view")
PURPOSES = (
    *("zoom", "photometric", "flip", "patch", "zone", "focus", "fuzz", "mask", "geometry", "reword"),
    *("copy", "features", "unknown"),
)


class Draws:
    """A generator for each purpose, whose draws follow from the seed and the number of the step.

    What one ingredient draws so shifts nothing that another draws: two methods of the same seed see the same zoom and
    the same photometric change of the same images, and an ablation differs in what it leaves out alone.

    Args:
        seed: Seed of the run.
        step: Number of the batch.

    Example:
        >>> draws = Draws(0, 7)
        >>> a, b = (torch.rand(1, generator=draws("labelled", "zoom")) for _ in range(2))
        >>> bool(a == b), bool(a == torch.rand(1, generator=draws("unlabelled", "zoom")))
        (True, False)
    """

    def __init__(self, seed: int, step: int) -> None:
        self.seed, self.step = seed, step

    def __call__(self, branch: str, purpose: str) -> torch.Generator:
        """Return the generator of a purpose, at its start each time."""
        return seeded(self.seed, 3, self.step, BRANCHES.index(branch), PURPOSES.index(purpose))


def seeded(*numbers: int) -> torch.Generator:
    """Return a CPU generator whose draws follow from some non-negative numbers.

    Example:
        >>> torch.rand(1, generator=seeded(0, 1)).equal(torch.rand(1, generator=seeded(0, 1)))
        True
        >>> torch.rand(1, generator=seeded(0, 1)).equal(torch.rand(1, generator=seeded(1, 0)))
        False
    """
    mixed = 0
    for number in numbers:
        # Multiplier and increment of Knuth's MMIX generator: neighbouring numbers end up far apart.
        mixed = ((mixed + number + 1) * 6364136223846793005 + 1442695040888963407) % 2**63
    return torch.Generator().manual_seed(mixed)
