"""The interface of a tokenizer, and its loss."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from ....linklevel.validation import check_shape
from .config import TokenizerConfig
from .posterior import Posterior, drawn_deviation, noise


class Tokenizer(nn.Module, ABC):
    """Turns contents of one modality into S continuous tokens, and tokens into contents.

    ```
    contents ─► collate ─► inputs ─► encoder ─► μ ─► t = μ + σ ⊙ ε ─► (channel) ─► t̂ ─► decoder ─► reconstruction
                                       └─ rate: KL(p(t|x) ‖ N(0, 1))                    distortion ─┘     └─► contents
    ```

    H. Wei, W. Ni, W. Wang, W. Xu, D. Niyato and P. Zhang, "Token Communication in the Era of Large Models: An
    Information Bottleneck-Based Approach", arXiv 2507.01728: generative information bottleneck (GenIB, eq 8) and
    σ-GenIB (eqs 12-14), with σ as in LatentLM (arXiv 2412.08635).

    Args:
        config: what shapes it.

    Attributes:
        num_tokens: S.
        dim: width of a token.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        self.num_tokens, self.dim = config.num_tokens, config.dim

    @abstractmethod
    def collate(self, contents: Sequence[Any]) -> torch.Tensor:
        """Return the inputs of a batch of contents as samples have them.

        Raises:
            ValueError: for contents of another form, or too long.
        """

    @abstractmethod
    def posterior(self, inputs: torch.Tensor) -> Posterior:
        """Return the distribution of the tokens of inputs."""

    @abstractmethod
    def decode(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return reconstructions of tokens [batch, S, dim], in the space of inputs (logits of words for text)."""

    @abstractmethod
    def distortion(self, inputs: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
        """Return the distortion of each item, [batch]."""

    @abstractmethod
    def contents(self, reconstruction: torch.Tensor) -> list[Any]:
        """Return contents, as samples have them, of reconstructions."""

    def encode(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return μ, [batch, S, dim], with gradient."""
        return self.posterior(inputs).mean

    def sample(self, tokens: torch.Tensor | Posterior, generator: torch.Generator) -> torch.Tensor:
        """Return t = μ + σ ⊙ ε, [batch, S, dim]; an autoencoder's is μ.

        Args:
            tokens: the posterior, or μ alone where the variance is not learned.
            generator: of σ, where it is drawn, and of ε.

        Raises:
            ValueError: for μ alone where the variance is learned.
        """
        posterior = tokens if isinstance(tokens, Posterior) else Posterior(tokens)
        mean, config = posterior.mean, self.config
        if config.kind == "ae":
            return mean
        if config.kind == "sigma_genib":
            deviation = drawn_deviation(mean, config.c_sigma, generator, per_dimension=config.per_dimension)
        elif posterior.log_variance is None:
            raise ValueError(f"tokens: μ alone given; kind {config.kind!r} learns its variance, give posterior(inputs)")
        else:
            deviation = (0.5 * posterior.log_variance).exp()
        return mean + deviation * noise(mean, generator)

    def losses(
        self,
        inputs: torch.Tensor,
        generator: torch.Generator,
        received: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> dict[str, torch.Tensor]:
        """Return the loss and its parts, means over the batch.

        "distortion" is λ d(x, x̂(μ)) + (1 − λ) / K Σ_k d(x, x̂(t_k)) (eqs 13 and 14), "rate" the divergence in nats
        per real of the tokens (0 for an autoencoder; see :meth:`Posterior.kl`), and "tokenizer" distortion + ξ rate.

        Args:
            inputs: as :meth:`collate` returns them.
            generator: of the noise.
            received: the channel within the loop (Algorithm 1, steps 7 and 8): takes tokens [batch, S, dim] and
                returns what the receiver has of them; it is called once for every reconstruction, first for μ.
        """
        posterior = self.posterior(inputs)
        distortion = self._expected_distortion(inputs, posterior, generator, received)
        mean = posterior.mean
        rate = mean.new_zeros(()) if self.config.kind == "ae" else posterior.kl().mean()
        return {"tokenizer": distortion + self.config.xi * rate, "distortion": distortion, "rate": rate}

    def _expected_distortion(
        self,
        inputs: torch.Tensor,
        posterior: Posterior,
        generator: torch.Generator,
        received: Callable[[torch.Tensor], torch.Tensor] | None,
    ) -> torch.Tensor:
        share, count = self.config.share, self.config.num_samples
        tokens, weights = ([posterior.mean], [share]) if share > 0 else ([], [])
        if share < 1:
            tokens += [self.sample(posterior, generator) for _ in range(count)]
            weights += [(1 - share) / count] * count
        if received is not None:
            tokens = [check_shape("received", received(t), tuple(t.shape)) for t in tokens]
        found = self.distortion(inputs.repeat(len(tokens), *[1] * (inputs.ndim - 1)), self.decode(torch.cat(tokens)))
        return (found.unflatten(0, (len(tokens), -1)).mean(1) * found.new_tensor(weights)).sum()


def build_tokenizer(config: TokenizerConfig) -> Tokenizer:
    """Return the tokenizer of a configuration, with initial parameters from its seed."""
    from .audio import AudioTokenizer
    from .image import ImageTokenizer
    from .text import TextTokenizer

    kinds: dict[str, Callable[[TokenizerConfig], Tokenizer]] = {
        "image": ImageTokenizer,
        "audio": AudioTokenizer,
        "text": TextTokenizer,
    }
    return kinds[config.modality](config)
