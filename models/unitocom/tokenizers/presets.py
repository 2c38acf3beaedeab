"""Configurations of the tokenizers: two sizes, one code path."""

from typing import Any

from ....linklevel.validation import check_choice
from .config import MODALITIES, TokenizerConfig

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "tiny": {
        "image": {"num_tokens": 16, "dim": 16, "image_size": 64, "patch_size": 8, "stem": "conv"},
        "audio": {"num_tokens": 32, "dim": 16, "sampling_rate": 8000, "num_mels": 40, "hop": 80, "patch_size": 5,
                  "duration_s": 3.2},
        "text": {"num_tokens": 16, "dim": 16, "max_words": 32},
    },
    "paper": {
        "image": {"num_tokens": 32, "dim": 64, "image_size": 256, "patch_size": 16},
        "audio": {"num_tokens": 128, "dim": 64, "sampling_rate": 24_000, "num_mels": 100, "hop": 240, "patch_size": 4,
                  "duration_s": 15.36},
        "text": {"num_tokens": 32, "dim": 64, "max_words": 64},
    },
}  # fmt: skip
"""What each modality needs.

Of `paper`, the 6 layers, 256 x 256 pixels, 24 kHz and 32 tokens of an image are published; the widths, the spectrogram
and the tokens of audio and text are ours.
"""

NETWORKS: dict[str, dict[str, Any]] = {
    "tiny": {"hidden": 128, "num_layers": 2, "num_heads": 4},
    "paper": {"hidden": 768, "num_layers": 6, "num_heads": 12},
}


def tokenizer_preset(name: str, modality: str, **changes: Any) -> TokenizerConfig:
    """Return the configuration of a tokenizer.

    There is no `mini`: no pretrained tokenizer of this kind can be installed.

    Args:
        name: "tiny" or "paper".
        modality: "image", "audio" or "text".
        changes: fields that differ, such as ``kind`` and ``num_tokens``.

    Raises:
        ValueError: for an unknown name, or fields that do not fit.
        TypeError: for an unknown field.

    Example:
        >>> tokenizer_preset("tiny", "image", kind="vae", num_tokens=32).kind
        'vae'
    """
    check_choice("preset", name, PRESETS)
    check_choice("modality", modality, MODALITIES)
    return TokenizerConfig(modality=modality, **{**NETWORKS[name], **PRESETS[name][modality], **changes})  # type: ignore[arg-type]
