"""How Lightning writes and reads the checkpoints of a run."""

from functools import partial
from pathlib import Path
from typing import Any

from lightning.fabric.plugins.io import TorchCheckpointIO
from torch import Tensor

from semimedref.checkpoints import read_checkpoint
from semimedref.encoder_file import digest_of, frozen_weights, without_encoder, write_encoder
from semimedref.files import write_atomically
from semimedref.stored import write_stored


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's way to write and read checkpoints, through a temporary file in the same folder and with a digest.

    A process that is killed while it writes leaves the checkpoint before it as it was. A frozen encoder is written
    once, to a file of its own beside them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: tuple[object, str] = ((), "")

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint, after the encoder that it names."""
        path = Path(path)
        weights = frozen_weights(checkpoint)
        if weights:
            digest = self._digest(weights)
            write_encoder(weights, digest, path.parent)
            checkpoint = without_encoder(checkpoint, weights, digest)
        write_atomically(path, partial(write_stored, checkpoint))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> Any:
        """Read a checkpoint to the CPU; none is read with code in it, whatever is asked."""
        return read_checkpoint(Path(path))

    def _digest(self, weights: dict[str, Tensor]) -> str:
        """Return the digest of weights, worked out once: they are large, and never change."""
        places = [(name, one.data_ptr(), one._version) for name, one in weights.items()]
        if self._known[0] != places:
            self._known = places, digest_of(weights)
        return self._known[1]
