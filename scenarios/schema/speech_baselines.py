"""Systems for speech that others are compared with."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from .base import Config
from .baselines import Seed, Width, sized
from .number import Integer
from .rules import Broken
from .weights import Weights, load, weights_rules

if TYPE_CHECKING:
    from ...models.baselines import DeepSCST as System


class DeepSCST(Config):
    """DeepSC-ST: transcripts of speech by convolutions, GRUs and CTC over letters."""

    payload: ClassVar[str] = "audio"
    type: Literal["deepsc_st"] = "deepsc_st"
    preset: Literal["base", "tiny"] = Field(default="base", description="Sizes: larger, or to train on a CPU.")
    dim: Width | None = sized("Width of a token, even (reals)")
    depth: Integer | None = sized("Layers of the transmitter's GRU (count)", high=16)
    decoder_depth: Integer | None = sized("Layers of the receiver's GRU (count)", high=16)
    channels: Integer | None = sized("Of the convolutions (count)", high=4096)
    num_mels: Integer | None = sized("Mel bands, a multiple of 4 (count)", 4, 256)
    rate: Integer | None = sized("Sampling rate of the audio that features are computed of (Hz)", 4000, 48_000)
    seed: Integer = Seed
    weights: str | None = Weights

    def rules(self) -> Iterator[Broken]:
        """Yield sizes that do not fit, and a wrong name of weights."""
        for name, factor in (("dim", 2), ("num_mels", 4)):
            value = getattr(self, name)
            if value is not None and value % factor:
                near = (value // factor * factor, (value // factor + 1) * factor)
                yield Broken(name, value, f"is no multiple of {factor}", near)
        yield from weights_rules(self.weights)

    def build(self, *, device: str = "cpu", sampling_rate: int = 16_000) -> "System":
        """Construct the system for audio at ``sampling_rate``, Hz."""
        system = self._construct(sampling_rate)
        if self.weights is not None:
            load(system, self.weights, "system", system.configuration())
        return system.to(device)

    def identity(self) -> dict[str, Any]:
        """Return the system's configuration without making its parameters."""
        import torch

        with torch.device("meta"):
            return self._construct(16_000).configuration()

    def _construct(self, sampling_rate: int) -> "System":
        from ...models.baselines import DeepSCST as System

        given = {name: value for name, value in self.parameters().items() if name != "weights" and value is not None}
        return System(sampling_rate=sampling_rate, **given)
