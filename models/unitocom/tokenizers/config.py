"""What shapes a tokenizer."""

from dataclasses import dataclass
from typing import Literal

from ....linklevel.validation import check_choice, check_range

MODALITIES = ("image", "audio", "text")
KINDS = ("sigma_genib", "genib", "vae", "ae")

SHARES = {"sigma_genib": 0.5, "genib": 0.0, "vae": 0.0, "ae": 1.0}
"""Share of the deterministic reconstruction where none is given."""


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """All that shapes a tokenizer.

    Args:
        modality: "image", "audio" or "text".
        kind: "sigma_genib" (deviation drawn), "genib" (variance learned), "vae" (GenIB with one sample and no
            deterministic reconstruction) or "ae" (no noise, no rate).
        num_tokens: S, tokens of an item.
        dim: width of a token.
        hidden: width of the Transformers.
        num_layers: of the encoder, and of the decoder.
        num_heads: of the attention; divides ``hidden``.
        pooling: "grid" (neighbouring positions are joined to a token) or "queries" (learned tokens that attend to all
            positions).
        stem: "patches" (a linear map) or "conv" (convolutions of stride 2 and residual blocks; images only).
        xi: ξ, weight of the rate (eqs 8 and 12), which is in nats per real of the tokens.
        lam: λ, share of the deterministic reconstruction (eq 13), 0...1; the kind's own if `None`: 0.5 with
            "sigma_genib", 0 with "genib". A "vae" has 0, an "ae" 1.
        num_samples: K, Monte Carlo samples of the tokens of an item (eq 14); 1 with "vae" and "ae".
        c_sigma: C_σ, variance of the deviation that is drawn; with "sigma_genib".
        per_dimension: draw a deviation for every real of the tokens, not one per item; with "sigma_genib".
        image_size: side of the image, pixels; other images are scaled to it.
        patch_size: side of a patch, pixels, or frames of spectrogram of a patch; a power of 2 with "conv".
        sampling_rate: of the audio, Hz.
        num_mels: bands of the spectrogram.
        hop: samples from one frame to the next; a window has four times as many.
        duration_s: longest audio, seconds; shorter is filled up with silence.
        vocabulary: name of one of :class:`~tokencom.models.words.WordTokenizer`.
        max_words: longest text, words, the end mark included.
        seed: of the initial parameters.

    Raises:
        ValueError: for numbers out of range, heads that do not divide the width, or a number of tokens that does not
            match the positions of the modality.
    """

    modality: Literal["image", "audio", "text"]
    kind: Literal["sigma_genib", "genib", "vae", "ae"] = "sigma_genib"
    num_tokens: int = 16
    dim: int = 16
    hidden: int = 128
    num_layers: int = 2
    num_heads: int = 4
    pooling: Literal["grid", "queries"] = "grid"
    stem: Literal["patches", "conv"] = "patches"
    xi: float = 1e-3
    lam: float | None = None
    num_samples: int = 1
    c_sigma: float = 0.25
    per_dimension: bool = False
    image_size: int = 64
    patch_size: int = 8
    sampling_rate: int = 8000
    num_mels: int = 40
    hop: int = 80
    duration_s: float = 3.2
    vocabulary: str = "synth"
    max_words: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("modality", self.modality, MODALITIES)
        check_choice("kind", self.kind, KINDS)
        check_choice("pooling", self.pooling, ("grid", "queries"))
        check_choice("stem", self.stem, ("patches", "conv"))
        for name in ("num_tokens", "dim", "hidden", "num_layers", "num_heads", "num_samples"):
            check_range(name, getattr(self, name), 1, 2**20, integer=True)
        for name in ("image_size", "patch_size", "sampling_rate", "num_mels", "hop", "max_words"):
            check_range(name, getattr(self, name), 1, 2**20, integer=True)
        check_range("xi", self.xi, 0)
        check_range("c_sigma", self.c_sigma, 0)
        check_range("duration_s", self.duration_s, 0)
        check_range("seed", self.seed, 0, 2**62, integer=True)
        self._check_kind()
        self._check_network()

    def _check_kind(self) -> None:
        if self.lam is not None:
            check_range("lam", self.lam, 0, 1)
        if self.kind not in ("vae", "ae"):
            return
        if self.lam not in (None, SHARES[self.kind]):
            raise ValueError(f"lam: {self.lam} given; kind {self.kind!r} has {SHARES[self.kind]:g}, leave it out")
        if self.num_samples != 1:
            raise ValueError(f"num_samples: {self.num_samples} given; kind {self.kind!r} has 1")

    def _check_network(self) -> None:
        if self.hidden % self.num_heads:
            raise ValueError(f"num_heads: {self.num_heads} given; it must divide the width {self.hidden}")
        if self.stem == "conv" and (
            self.modality != "image" or self.patch_size < 2 or self.patch_size & (self.patch_size - 1)
        ):
            raise ValueError(
                f"stem: 'conv' given with {self.modality} and patch_size {self.patch_size}; it is for images, with"
                " patches of 2, 4, 8, ... pixels"
            )
        if self.pooling == "grid":
            self.cells  # noqa: B018 (raises where the tokens do not match)
        else:
            self.positions  # noqa: B018

    @property
    def share(self) -> float:
        """λ: the share of the deterministic reconstruction."""
        return SHARES[self.kind] if self.lam is None else self.lam

    @property
    def learned_variance(self) -> bool:
        """Whether the encoder also gives the variance of the tokens."""
        return self.kind in ("genib", "vae")

    @property
    def num_frames(self) -> int:
        """Frames of the spectrogram.

        Raises:
            ValueError: if the duration is not a whole number of patches of frames.
        """
        step = self.hop * self.patch_size
        count = self.duration_s * self.sampling_rate / step
        if round(count) < 1 or abs(count - round(count)) > 1e-6:
            near = max(1, round(count)) * step / self.sampling_rate
            raise ValueError(
                f"duration_s: {self.duration_s} given; it must be a multiple of patch_size hops, such as {near:g}"
            )
        return round(count) * self.patch_size

    @property
    def positions(self) -> tuple[int, int]:
        """Rows and columns of the positions that the Transformers see; one row but for images.

        Raises:
            ValueError: for patches that do not cover an image.
        """
        if self.modality == "audio":
            return 1, self.num_frames // self.patch_size
        if self.modality == "text":
            return 1, self.max_words
        if self.image_size % self.patch_size:
            near = max(1, round(self.image_size / self.patch_size)) * self.patch_size
            raise ValueError(
                f"image_size: {self.image_size} given; it must be a multiple of patch_size {self.patch_size}, such as"
                f" {near}"
            )
        side = self.image_size // self.patch_size
        return side, side

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of the tokens, of pooling "grid": as square as the positions allow.

        Raises:
            ValueError: for a number of tokens that does not divide the positions.
        """
        found = _cells(self.positions, self.num_tokens)
        if found is None:
            rows, columns = self.positions
            possible = [n for n in range(1, rows * columns + 1) if _cells(self.positions, n)]
            near = min(possible, key=lambda n: abs(n - self.num_tokens))
            raise ValueError(
                f"num_tokens: {self.num_tokens} given; {rows} x {columns} positions of {self.modality} can't be joined"
                f" to as many cells of one size; nearest: {near}; or take pooling 'queries'"
            )
        return found


def _cells(positions: tuple[int, int], count: int) -> tuple[int, int] | None:
    """Return rows and columns of ``count`` equal cells of a grid, nearest to a square; `None` if there are none."""
    rows, columns = positions
    fitting = [
        (high, count // high)
        for high in range(1, min(rows, count) + 1)
        if count % high == 0 and rows % high == 0 and count // high <= columns and columns % (count // high) == 0
    ]
    return min(fitting, key=lambda cells: abs(cells[0] * columns - cells[1] * rows), default=None)
