"""Next words, and next continuous tokens, with keys and values kept."""

from collections.abc import Sequence

import torch

from ....linklevel.validation import check_range
from ..diffusion.head import DiffusionHead
from ..diffusion.sampling import Generators, Sampler
from .model import MultimodalLanguage
from .packing import Packed


@torch.no_grad()
def next_texts(
    language: MultimodalLanguage, parts: Sequence[Packed], *, ends: Sequence[int], limit: int,
    top_p: float | None = None, generator: Generators | None = None,
) -> list[list[int]]:  # fmt: skip
    """Return the ids that each row is continued by (eq 16), without an end mark.

    A row that has ended goes on unseen until all have, which changes no other.

    Args:
        language: the model.
        parts: what it reads.
        ends: ids that end a text.
        limit: most ids.
        top_p: ids are drawn from the likeliest that have so much probability together; the likeliest if `None`.
        generator: of the draws, one for all rows or one for each.

    Raises:
        ValueError: for a row without tokens, or draws without a generator.
    """
    check_range("limit", limit, 1, integer=True)
    if top_p is not None and generator is None:
        raise ValueError(f"generator: None given, but top_p = {top_p} draws; give a torch.Generator")
    hidden, reading = language.begin(parts)
    stops = torch.tensor(list(ends), device=hidden.device)
    ended = torch.zeros(len(hidden), dtype=torch.bool, device=hidden.device)
    found: list[torch.Tensor] = []
    while True:
        new = chosen(language.logits(hidden), top_p, generator)
        found.append(new)
        ended |= torch.isin(new, stops)
        if bool(ended.all()) or len(found) == limit:
            break
        hidden = language.further(language.embed(new), reading)
    rows = torch.stack(found, 1).tolist()
    return [row[: next((n for n, token in enumerate(row) if token in ends), len(row))] for row in rows]


@torch.no_grad()
def next_tokens(
    language: MultimodalLanguage, head: DiffusionHead, sampler: Sampler, parts: Sequence[Packed], *, modality: str,
    count: int, generator: Generators,
) -> torch.Tensor:  # fmt: skip
    """Return the continuous tokens that each row is continued by (eqs 17-18), [items, count, dim].

    Args:
        language: the model.
        head: gives tokens from hidden states.
        sampler: of its draws.
        parts: what the model reads, the mark of the beginning included.
        modality: of the tokens.
        count: of them.
        generator: of the noise, one for all rows or one for each.
    """
    check_range("count", count, 1, integer=True)
    hidden, reading = language.begin(parts)
    found: list[torch.Tensor] = []
    while True:
        found.append(sampler(head, hidden, generator))
        if len(found) == count:
            return torch.stack(found, 1)
        hidden = language.further(language.read(found[-1], modality), reading)


def chosen(logits: torch.Tensor, top_p: float | None, generator: Generators | None) -> torch.Tensor:
    """Return one id for each row of scores, [items], torch.int64.

    Args:
        logits: [items, vocab_size].
        top_p: see :func:`next_texts`.
        generator: of the draws.
    """
    if top_p is None:
        return logits.argmax(-1)
    from transformers import TopPLogitsWarper

    check_range("top_p", top_p, 0, 1)
    kept = TopPLogitsWarper(top_p)(torch.empty(0), logits.float()).softmax(-1).cpu()
    if isinstance(generator, torch.Generator):
        return torch.multinomial(kept, 1, generator=generator)[:, 0].to(logits.device)
    given = list(generator or ())
    if len(given) != len(kept):
        raise ValueError(f"generator: {len(given)} given for {len(kept)} rows; one for each is needed, or one for all")
    drawn = [torch.multinomial(row, 1, generator=own) for row, own in zip(kept, given, strict=True)]
    return torch.cat(drawn).to(logits.device)
