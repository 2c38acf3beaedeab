"""The small language model SmolLM2-135M-Instruct."""

from pathlib import Path
from typing import Any

import torch

from .pretrained import Weights, find_weights, quiet


def load_smollm2(
    *, path: str | Path | None = None, online: bool = False, device: str = "cpu"
) -> tuple[Any, Any, Weights]:
    """Load SmolLM2-135M-Instruct, in evaluation mode and 32-bit floats.

    A GGUF file is decoded to floats on the way, which takes some ten seconds.

    Args:
        path: weights, as :func:`~tokencom.models.pretrained.find_weights` takes it.
        online: whether the hub may be asked.
        device: where the model is.

    Returns:
        the ``transformers`` model, its tokenizer, and where the weights came from.
    """
    weights = find_weights("smollm2-135m-instruct", path=path, online=online)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    given: dict[str, Any] = {"local_files_only": True}
    if weights.format == "gguf":
        given["gguf_file"] = weights.file.name
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(weights.folder, **given)
        model: Any = AutoModelForCausalLM.from_pretrained(weights.folder, dtype=torch.float32, **given)
    return model.to(device).eval(), tokenizer, weights


@torch.no_grad()
def most_likely(model: Any, tokenizer: Any, prompt: str, words: list[str]) -> str:
    """Return the word that a language model holds most likely after a prompt.

    Args:
        model: of ``transformers``.
        tokenizer: of the model.
        prompt: without a space at its end.
        words: to choose from; compared by their first token, with a space before.

    Raises:
        ValueError: if two words begin with the same token.
    """
    first = [tokenizer(f" {word}", add_special_tokens=False).input_ids[0] for word in words]
    if len(set(first)) < len(first):
        raise ValueError(f"words: {words!r} do not differ in their first token, by which they are compared")
    ids = torch.tensor([tokenizer(prompt).input_ids], device=model.device)
    logits = model(input_ids=ids).logits[0, -1]
    return words[int(logits[first].argmax())]
