"""Where the time of the steps goes."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class StepClock:
    """Sums up seconds, by what they went into.

    It looks at the host's clock alone and waits for no device: on an accelerator it says how long the host was held.

    Example:
        >>> clock = StepClock()
        >>> clock.lap("data")
        >>> with clock("ops"):
        ...     pass
        >>> clock.lap("step")
        >>> 0 < clock.share("ops") < 1
        True
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._mark: float = time.perf_counter()

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Count the time of a block, which is a part of a lap."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[part] += time.perf_counter() - start

    def lap(self, name: str) -> None:
        """Count the time since the last lap: "data" or "step"."""
        now = time.perf_counter()
        self._seconds[name] += now - self._mark
        self._mark = now

    def share(self, part: str) -> float:
        """Return the share of all laps that went into a part."""
        return self._seconds[part] / max(self.seconds, 1e-9)

    @property
    def seconds(self) -> float:
        """The time of all laps."""
        return self._seconds["data"] + self._seconds["step"]
