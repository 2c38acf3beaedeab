"""Where every random number of a batch comes from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from .validation import check_choice

STREAMS = {"payload": 0, "fade": 1, "noise": 2, "receiver": 3}


@dataclass(frozen=True)
class Draws:
    """The random streams of one batch at one point of a sweep.

    A stream is seeded with ``SeedSequence(seed, spawn_key=(stream, point, batch, index))``.
    The payload stream omits the point, so every point of a sweep sends the same items. No stream
    depends on the scheme: schemes of one figure meet the same fades and the same noise.

    Args:
        seed: the scenario's seed.
        point: hash of the sweep point's values.
        batch: index of the batch (or of the training step).
        first_grid: grids that earlier transmissions of the same items took; fade and noise go on from there.

    Example:
        >>> draws = Draws(seed=1)
        >>> bool((draws.bits(4, 100) == draws.bits(4, 100)).all())
        True
    """

    seed: int
    point: int = 0
    batch: int = 0
    first_grid: int = 0

    def seed_of(self, stream: str, index: int = 0) -> int:
        """Return the 64-bit seed of ``stream``; ``index`` counts sub-draws such as slots."""
        check_choice("stream", stream, STREAMS)
        point = 0 if stream == "payload" else self.point
        key = (STREAMS[stream], point, self.batch, index)
        return int(np.random.SeedSequence(self.seed, spawn_key=key).generate_state(1, np.uint64)[0])

    def generator(self, stream: str, index: int = 0, device: str | torch.device = "cpu") -> torch.Generator:
        """Return a fresh generator at the start of ``stream``."""
        return torch.Generator(device=device).manual_seed(self.seed_of(stream, index))

    @contextmanager
    def sionna(self, stream: str, index: int = 0) -> Iterator[None]:
        """Reset Sionna's process-wide generators to ``stream`` while a Sionna block draws: :func:`seeded_sionna`."""
        with seeded_sionna(self.seed_of(stream, index)):
            yield

    def bits(self, batch_size: int, num_bits: int, device: str | torch.device = "cpu") -> torch.Tensor:
        """Return uniform payload bits, [batch_size, num_bits], torch.float32."""
        generator = self.generator("payload", device=device)
        return torch.randint(
            0, 2, (batch_size, num_bits), generator=generator, device=device
        ).to(torch.float32)

    def complex_normal(
        self, stream: str, index: int, shape: tuple[int, ...], device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.complex64,
    ) -> torch.Tensor:
        """Return CN(0, 1) samples: variance 1/2 in each real dimension.

        Always drawn in single precision and then widened, so that double-precision runs meet the
        same noise.
        """
        generator = self.generator(stream, index, device)
        return torch.randn(shape, generator=generator, device=device, dtype=torch.complex64).to(dtype)


@contextmanager
def seeded_sionna(seed: int) -> Iterator[None]:
    """Start Sionna's process-wide generators at a seed.

    This is the only place that does. torch's own default generator, which Sionna reseeds too, is put
    back afterwards.
    """
    from sionna.phy import config

    with torch.random.fork_rng():
        config.seed = seed
        yield


def ambient_draws() -> Draws:
    """Return draws seeded from Sionna's generator, for use inside a plain Sionna graph."""
    from sionna.phy import config

    return Draws(seed=int(config.np_rng.integers(2**63)))
