"""The losses of cross-modal alignment."""

from typing import Literal

import torch
from torch.nn import functional

from ...linklevel.validation import check_choice, check_range

DIRECTIONS = ("one", "both")


def pooled(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean of each item's tokens that there are, [batch, dim]; zero for an item without any.

    Args:
        values: [batch, num_tokens, dim], real.
        mask: [batch, num_tokens], torch.bool.

    Example:
        >>> pooled(torch.tensor([[[2.0], [4.0], [9.0]]]), torch.tensor([[True, True, False]]))
        tensor([[3.]])
    """
    kept = torch.where(mask[..., None], values, torch.zeros_like(values))
    return kept.sum(1) / mask.sum(1, keepdim=True).clamp_min(1)


def reconstruction(sent: torch.Tensor, restored: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    r"""Return the textual reconstruction loss (arXiv 2505.07841, eq 9), a scalar.

    .. math:: L_T = \frac{1}{\sum_k n_k\, d} \sum_k \sum_{i \le n_k} \lVert t_{k,i} - G_T(\hat t_{k,i}) \rVert^2

    over the n_k words of each item k, so that padding does not count. The target has no gradient: the loss trains
    the receiver's head G_T only.

    Args:
        sent: t, [batch, num_words, dim], real.
        restored: what the head makes of the received words, same shape.
        mask: [batch, num_words], torch.bool; which words there are.

    Raises:
        ValueError: if there is no word at all.
    """
    if not bool(mask.any()):
        raise ValueError("mask: no item has a word; the reconstruction loss needs a text")
    return (restored - sent.detach())[mask].square().mean()


def contrastive(
    modality: torch.Tensor, text: torch.Tensor, *, temperature: float = 0.07,
    directions: Literal["one", "both"] = "one", reduction: Literal["sum", "mean"] = "sum",
) -> torch.Tensor:  # fmt: skip
    r"""Return the contrastive loss with the other items of the batch as negatives (arXiv 2505.07841, eqs 10-11).

    .. math:: L_m = -\sum_{k=1}^{K} \log \frac{\exp(\cos(z_k^m, z_k^T) / \tau)}
              {\sum_{j=1}^{K} \exp(\cos(z_k^m, z_j^T) / \tau)}

    A batch of identical pairs gives log K for each item. ``directions="both"`` adds the same with text and modality
    exchanged, and halves the sum, as in CLIP.

    Args:
        modality: z^m, [batch, dim], real; means of a device's tokens, see :func:`pooled`.
        text: z^T, same shape.
        temperature: tau, 0.07 in the paper.
        directions: "one", from modality to text, or "both".
        reduction: "sum" over the batch, or "mean".

    Raises:
        ValueError: for shapes that differ, or a temperature that is not positive.

    Example:
        >>> same = torch.ones(4, 3)
        >>> round(float(contrastive(same, same, reduction="mean")), 4)  # log 4
        1.3863
    """
    check_range("temperature", temperature, 1e-6, 1e6)
    check_choice("directions", directions, DIRECTIONS)
    check_choice("reduction", reduction, ("sum", "mean"))
    if modality.shape != text.shape or modality.ndim != 2:
        raise ValueError(
            f"modality, text: shapes {list(modality.shape)} and {list(text.shape)} given; both must be [batch, dim]"
        )
    scores = functional.normalize(modality, dim=1) @ functional.normalize(text, dim=1).mT / temperature
    own = torch.arange(len(scores), device=scores.device)
    loss = functional.cross_entropy(scores, own, reduction=reduction)
    if directions == "both":
        loss = (loss + functional.cross_entropy(scores.mT, own, reduction=reduction)) / 2
    return loss
