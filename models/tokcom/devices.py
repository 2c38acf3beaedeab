"""A device's transmitter, and the server's head for its tokens."""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ...linklevel.validation import check_range
from ..systems.source_link import hash_of
from .encoders import read_all
from .presets import DeviceConfig
from .slide import Slide
from .store import Store


class Transmitter(nn.Module):
    """A device that hears or sees (arXiv 2505.07841, eqs 2-4).

    ```
    clip ─► encoder E_m (frozen) ─► N tokens ─► Slide ─► s_m tokens ─► F_m ─► link
    ```

    The reshape of a token to complex symbols (eq 5) is the link's.

    Args:
        encoder: of :func:`~.encoders.build_encoder`.
        config: of the device.
        dim: width of a token that is sent.
        seed: of the initial parameters of F_m.
    """

    def __init__(self, encoder: Any, config: DeviceConfig, *, dim: int, seed: int = 0) -> None:
        super().__init__()
        self.encoder, self.config = encoder, config
        self.slide = Slide(config.num_tokens, kind=config.slide, window=config.window)
        width = config.hidden
        with seeded(seed):
            self.projector: nn.Module = nn.Linear(encoder.dim, dim)
            if width:
                self.projector = nn.Sequential(nn.Linear(encoder.dim, width), nn.GELU(), nn.Linear(width, dim))
        self._read, self._kept = Store(), Store()

    @property
    def frozen(self) -> bool:
        """Whether nothing of the encoder is trained."""
        return not any(parameter.requires_grad for parameter in self.encoder.parameters())

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return what the encoder reads of samples; where it is frozen, what Slide takes of its tokens, kept by clip.

        Args:
            samples: with what the device needs in ``inputs``.

        Returns:
            ``{name}_inputs``, or ``{name}_features`` [batch, s_m, width].

        Raises:
            ValueError: for a sample that lacks it, or has a clip that is too short.
        """
        name = self.config.name
        if torch.is_grad_enabled() and not self.frozen:
            return {f"{name}_inputs": torch.stack([self._inputs(sample) for sample in samples])}
        state = tuple((id(tensor), tensor._version) for tensor in self.encoder.parameters())
        rows = [self._kept.get(state, self.content(sample), partial(self._found, sample)) for sample in samples]
        return {f"{name}_features": torch.stack(rows)}

    def content(self, sample: Any) -> Hashable:
        """Return a hash of what the device has of a sample; `None` if it has nothing."""
        content = sample.inputs.get(self.config.key)
        return None if content is None else (hash_of(content), getattr(content, "shape", ()))

    def _inputs(self, sample: Any) -> torch.Tensor:
        return self._read.get(None, self.content(sample), lambda: read_all(self.encoder, [sample], self.config)[0])

    @torch.no_grad()
    def _found(self, sample: Any) -> torch.Tensor:
        device = next(self.projector.parameters()).device
        return self.features(self._inputs(sample)[None].to(device))[0].cpu()

    def send(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the tokens that are sent of a batch of :meth:`collate`, [batch, s_m, dim]."""
        found = batch.get(f"{self.config.name}_features")
        return self(batch[f"{self.config.name}_inputs"]) if found is None else self.project(found)

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return what Slide takes of the encoder's tokens, [batch, s_m, width]."""
        return self.slide(self.encoder(inputs))

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Return the tokens that are sent of :meth:`features`, [batch, s_m, dim]."""
        return self.projector(features)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the tokens that are sent, [batch, s_m, dim], of what the encoder reads."""
        return self.project(self.features(inputs))


class Head(nn.Module):
    """The server's head G_m for one device's tokens: two layers (arXiv 2505.07841, eq 8).

    Args:
        dim: width of a token, received and returned.
        hidden: between the layers; 1024 in the paper, with tokens of 1536.
        seed: of the initial parameters.
    """

    def __init__(self, dim: int, hidden: int, *, seed: int = 0) -> None:
        super().__init__()
        check_range("hidden", hidden, 1, 2**20, integer=True)
        with seeded(seed):
            self.layers = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))

    def forward(self, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return tokens [batch, num_tokens, dim]; zero where ``mask`` [batch, num_tokens] is false."""
        made = self.layers(values.to(next(self.parameters()).dtype))
        return torch.where(mask[..., None], made, torch.zeros_like(made))
