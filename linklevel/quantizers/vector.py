"""Learned vector quantisation."""

import torch
from torch.nn import functional

from ..jscc.base import seeded
from ..validation import check_choice, check_range
from .base import Quantizer

CHUNK = 2**24
"""Distances computed at a time."""

DEAD = 1e-2
"""Average uses per update below which a code is put where it is needed."""


class VectorQuantizer(Quantizer):
    r"""Nearest codewords of one codebook for each group of dimensions.

    A. van den Oord, O. Vinyals and K. Kavukcuoglu, "Neural Discrete Representation Learning", NeurIPS
    2017. The encoder is trained by the straight-through estimator and the commitment loss
    :math:`\beta\|z - \mathrm{sg}(e)\|^2`, the codebook by exponential moving averages of what falls to each
    codeword, or by the loss :math:`\|\mathrm{sg}(z) - e\|^2`. With moving averages, a codeword out of
    use moves to the worst represented vectors of the batch.

    Averages are updated by :meth:`learn` in training mode.

    Args:
        dim: width of a token.
        codebook_size: codewords of a group, a power of 2.
        num_groups: groups of neighbouring dimensions; must divide ``dim``.
        commitment: weight β of the commitment loss.
        update: "ema" or "loss".
        decay: of the moving averages.
        seed: of the initial codewords, and of k-means in :meth:`fit`.

    Example:
        >>> VectorQuantizer(dim=32, codebook_size=256, num_groups=4).bits_per_token
        32
    """

    uses: torch.Tensor
    sums: torch.Tensor

    def __init__(
        self,
        *,
        dim: int,
        codebook_size: int = 256,
        num_groups: int = 8,
        commitment: float = 0.25,
        update: str = "ema",
        decay: float = 0.99,
        seed: int = 0,
    ) -> None:
        check_range("codebook_size", codebook_size, 2, 2**16, integer=True)
        if codebook_size & (codebook_size - 1):
            raise ValueError(f"codebook_size: {codebook_size} given; a power of 2 is needed")
        super().__init__(dim=dim, num_indices=num_groups, bits_per_index=codebook_size.bit_length() - 1)
        if dim % num_groups:
            raise ValueError(f"num_groups: {num_groups} given; it must divide dim = {dim}")
        self.commitment = check_range("commitment", commitment, 0.0)
        self.decay = check_range("decay", decay, 0.0, 1.0)
        self.update = check_choice("update", update, ("ema", "loss"))
        self.codebook_size, self.seed = codebook_size, seed
        with seeded(seed):
            codebook = torch.randn(num_groups, codebook_size, dim // num_groups)
        self.codebook = torch.nn.Parameter(codebook, requires_grad=update == "loss")
        self.register_buffer("uses", torch.ones(num_groups, codebook_size))
        self.register_buffer("sums", codebook.clone())

    @torch.no_grad()
    def fit(self, values: torch.Tensor, num_iter: int = 20) -> None:
        """Start from the centres that k-means finds in tokens of the training data.

        Args:
            values: [..., dim].
            num_iter: most steps of k-means.

        Raises:
            ValueError: for another width, values that are not finite, or fewer tokens than codewords.
        """
        from sklearn.cluster import KMeans

        super().fit(values)
        groups = self._groups(values.reshape(-1, self.dim).to(self.codebook))
        check_range("number of tokens", groups.shape[1], self.codebook_size)
        for group, vectors in enumerate(groups):
            means = KMeans(self.codebook_size, n_init=1, max_iter=num_iter, random_state=self.seed)
            centres = means.fit(vectors.cpu().double().numpy()).cluster_centers_
            self.codebook[group] = torch.from_numpy(centres).to(self.codebook)
        self._average(groups, self._nearest(groups), decay=0.0)

    def _groups(self, values: torch.Tensor) -> torch.Tensor:
        """Return [num_groups, n, dim / num_groups]."""
        return values.unflatten(-1, (self.num_indices, -1)).transpose(0, 1)

    def _nearest(self, groups: torch.Tensor) -> torch.Tensor:
        """Return the nearest codewords, [num_groups, n], torch.int64."""
        half = 0.5 * self.codebook.square().sum(-1)[:, None]
        rows = max(1, CHUNK // (self.num_indices * self.codebook_size))
        parts = [(half - part @ self.codebook.mT).argmin(-1) for part in groups.split(rows, dim=1)]
        return torch.cat(parts, dim=1)

    def _lookup(self, nearest: torch.Tensor) -> torch.Tensor:
        """Return the tokens [n, dim] of codewords [num_groups, n]."""
        index = nearest[..., None].expand(-1, -1, self.codebook.shape[-1])
        return self.codebook.gather(1, index).transpose(0, 1).flatten(-2)

    @torch.no_grad()
    def _average(self, groups: torch.Tensor, nearest: torch.Tensor, decay: float) -> None:
        """Move codewords towards what falls to them, and dead ones to what is represented worst."""
        size, width = self.codebook_size, groups.shape[-1]
        uses = functional.one_hot(nearest, size).to(groups).sum(1)
        index = nearest[..., None].expand(-1, -1, width)
        sums = torch.zeros_like(self.sums).scatter_add_(1, index, groups)
        self.uses.mul_(decay).add_(uses, alpha=1.0 - decay)
        self.sums.mul_(decay).add_(sums, alpha=1.0 - decay)
        error = (groups - self.codebook.gather(1, index)).square().sum(-1)
        self.codebook.copy_(self.sums / self.uses[..., None].clamp_min(1e-12))
        for group, dead in enumerate(self.uses < DEAD):
            worst = error[group].topk(min(int(dead.sum()), groups.shape[1])).indices
            places = dead.nonzero()[: len(worst), 0]
            self.codebook[group, places] = groups[group, worst]
            self.sums[group, places], self.uses[group, places] = groups[group, worst], 1.0

    def indices(self, values: torch.Tensor) -> torch.Tensor:
        """Quantise; see :meth:`Quantizer.indices`."""
        return self._nearest(self._groups(values.detach())).T

    def values(self, indices: torch.Tensor) -> torch.Tensor:
        """Return tokens; see :meth:`Quantizer.values`."""
        return self._lookup(indices.T).detach()

    def straight_through(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return codewords with the gradient of the tokens, and the commitment and codebook losses."""
        with torch.no_grad():
            nearest = self._nearest(self._groups(values))
        quantized = self._lookup(nearest)
        if not len(values):
            return quantized, values.new_zeros(())
        loss = self.commitment * (values - quantized.detach()).square().mean()
        if self.update == "loss":
            loss = loss + (values.detach() - quantized).square().mean()
        return quantized.detach() + (values - values.detach()), loss

    def learn(self, values: torch.Tensor, indices: torch.Tensor) -> None:
        """Update the averages in training; see :meth:`Quantizer.learn`."""
        if self.training and self.update == "ema" and len(values):
            self._average(self._groups(values.detach()), indices.T, self.decay)
