"""Where pictures and words lie among the tokens of an item."""

from dataclasses import dataclass

import torch

from ...linklevel.tokens import Tokens


@dataclass(frozen=True)
class Layout:
    """The order of an item's tokens: those of its picture, then the words of each of its texts.

    ```
    item  │ picture: num_image_tokens, or none │ words of text 0 │ words of text 1 │ ... │ padding
    ```

    In evaluation an item has one text, so the receiver knows the order from the number of tokens.

    Args:
        owner: [num_texts], torch.int64; the item of each text.
        lengths: [num_texts], torch.int64; words that are sent; 0 for a text that is at the receiver.
        pictured: [num_items], torch.bool; which items have a picture.
        num_image_tokens: tokens of a picture.
    """

    owner: torch.Tensor
    lengths: torch.Tensor
    pictured: torch.Tensor
    num_image_tokens: int

    @property
    def starts(self) -> torch.Tensor:
        """Place of the first word of each text in its item, [num_texts], torch.int64."""
        same = self.owner[:, None] == self.owner[None]
        before = torch.ones_like(same).tril(-1) & same
        images = self.pictured[self.owner].long() * self.num_image_tokens
        return images + (before * self.lengths[None]).sum(1)

    def joined(self, pictures: torch.Tensor | None, words: torch.Tensor | None) -> Tokens:
        """Put pictures and words into items.

        Args:
            pictures: [num pictured, num_image_tokens, dim]; `None` for none.
            words: [num_texts, num_words, dim]; `None` if none are sent.

        Returns:
            [num_items, num_tokens, dim], padded on the right.
        """
        given = next(part for part in (pictures, words) if part is not None)
        device, num_items = given.device, len(self.pictured)
        counts = self.pictured.long() * self.num_image_tokens
        counts = counts.index_add(0, self.owner, self.lengths)
        mask = torch.arange(int(counts.max()), device=device) < counts[:, None]
        values = given.new_zeros(num_items, mask.shape[1], given.shape[2])
        if pictures is not None:
            rows = self.pictured.nonzero()[:, 0]
            places = torch.arange(self.num_image_tokens, device=device)
            values = values.index_put((rows[:, None], places[None]), pictures.to(values))
        if words is not None:
            rows, places, sent = self.places(words.shape[1], device)
            values = values.index_put((rows[sent], places[sent]), words[sent].to(values))
        return Tokens(values, mask)

    def words(self, tokens: Tokens, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the words of each text, [num_texts, width, dim], and which of them arrived."""
        rows, places, sent = self.places(width, tokens.values.device)
        inside = sent & (places < tokens.values.shape[1])
        places = places.clamp_max(tokens.values.shape[1] - 1)
        if not tokens.values.shape[1]:
            empty = tokens.values.new_zeros(*rows.shape, tokens.values.shape[2])
            return empty, torch.zeros_like(sent)
        there = inside & tokens.mask[rows, places]
        return torch.where(there[..., None], tokens.values[rows, places], tokens.values.new_zeros(())), there

    def pictures(self, tokens: Tokens) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the pictures of all items, [num_items, num_image_tokens, dim], and which tokens arrived.

        A token that is zero throughout was not sent (feature selection), or lost.
        """
        short = max(0, self.num_image_tokens - tokens.values.shape[1])
        values = torch.nn.functional.pad(tokens.values, (0, 0, 0, short))[:, : self.num_image_tokens]
        mask = torch.nn.functional.pad(tokens.mask, (0, short))[:, : self.num_image_tokens]
        mask = mask & self.pictured[:, None] & (values.detach() != 0).any(-1)
        return torch.where(mask[..., None], values, values.new_zeros(())), mask

    def places(self, width: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return item and place of each word, and which words are sent, [num_texts, width] each."""
        places = torch.arange(width, device=device)
        sent = places < self.lengths[:, None]
        return self.owner[:, None].expand_as(sent), self.starts[:, None] + places, sent


def mask_of(lengths: torch.Tensor, width: int) -> torch.Tensor:
    """Return which of ``width`` places there are in rows of some lengths, [num_rows, width], torch.bool."""
    return torch.arange(width, device=lengths.device) < lengths[:, None]
