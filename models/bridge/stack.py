"""The part of a model that writes text: embedding, decoder layers, final norm, head."""

from typing import Any

from torch import nn

from .cut import path_of

LAYERS = ("layers", "h", "blocks", "block")
NESTED = ("language_model", "text_model", "decoder", "model", "transformer")
NORMS = ("norm", "final_layer_norm", "ln_f", "final_layernorm")


class DecoderStack:
    """The decoder of a generating model, and where a cut lies in it.

    Args:
        model: the whole model.
        decoder: the module whose ``forward`` runs the layers.
        layers: the decoder layers.
    """

    def __init__(self, model: Any, decoder: nn.Module, layers: nn.ModuleList) -> None:
        self.decoder, self.layers = decoder, layers
        self.embedding = model.get_input_embeddings()
        self.path = path_of(model, decoder) or ""
        self.embedding_path = path_of(model, self.embedding)
        head = model.get_output_embeddings()
        self.head_path = None if head is None else path_of(model, head)
        self._list = next(name for name in LAYERS if getattr(decoder, name, None) is layers)

    @property
    def prefix(self) -> str:
        """Start of the paths inside the decoder."""
        return f"{self.path}." if self.path else ""

    @property
    def attention(self) -> str:
        """Name of the attention implementation."""
        return str(getattr(getattr(self.decoder, "config", None), "_attn_implementation", "eager"))

    def depth(self, path: str) -> int | None:
        """Return the last layer before a cut, -1 for the embedding; `None` outside the decoder.

        Raises:
            ValueError: for a module whose tokens do not carry all that the next one needs.
        """
        if path == self.embedding_path:
            return -1
        last = len(self.layers) - 1
        if path == self.path or path in {self.prefix + norm for norm in NORMS}:
            return last
        start = f"{self.prefix}{self._list}."
        if path.startswith(start) and path[len(start) :].isdigit():
            return int(path[len(start) :])
        inside = path.startswith(self.prefix) if self.prefix else True
        if inside or path == self.head_path or self.path.startswith(f"{path}."):
            raise ValueError(
                f"cut: {path!r} is passed by the residual stream or does not emit the tokens of one decoder layer;"
                f" inside the language model cut at {self.embedding_path!r}, at '{start}0' to '{start}{last}', or at"
                f" the final norm"
            )
        return None


def decoder_stack(model: Any) -> DecoderStack | None:
    """Return the decoder of a model that generates text with a decoder only; `None` for others."""
    can_generate = getattr(model, "can_generate", None)
    if can_generate is None or not can_generate() or getattr(model.config, "is_encoder_decoder", False):
        return None
    decoder: Any = model.get_decoder()
    while True:
        layers = next(
            (getattr(decoder, n) for n in LAYERS if isinstance(getattr(decoder, n, None), nn.ModuleList)), None
        )
        if layers is not None:
            return DecoderStack(model, decoder, layers)
        if getattr(getattr(decoder, "config", None), "is_encoder_decoder", False):
            return None
        inner = next((getattr(decoder, n) for n in NESTED if isinstance(getattr(decoder, n, None), nn.Module)), None)
        if inner is None:
            return None
        decoder = inner
