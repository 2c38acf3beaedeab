"""Configurations of TaiChi: three sizes, one code path."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ...linklevel.validation import check_choice

PRESETS = ("tiny", "mini", "paper")

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, kw_only=True)
class GlobalConfig:
    """The low-resolution branch, a CLIPVisionModel.

    Args:
        source: folder or name on the hub of its weights; `None` for one that is trained here.
        config: arguments of CLIPVisionConfig.
        layer: which hidden state is taken.
        mean: of the channels, 0...1.
        deviation: of the channels.
    """

    source: str | None = None
    config: Mapping[str, Any]
    layer: int = -1
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    deviation: tuple[float, ...] = (0.25, 0.25, 0.25)


@dataclass(frozen=True, kw_only=True)
class DetailConfig:
    """The high-resolution branch.

    Args:
        type: "stem", a few convolutions; "convnext", a ConvNextModel; "efficientnet", EfficientNet-Lite0, frozen.
        source: folder, file or name on the hub of its weights; `None` for one that is trained here.
        config: arguments of ConvStem, ConvNextConfig or FrozenFeatures, besides the size.
        size: side of the image, pixels.
        stages: of a ConvNeXt that are taken.
    """

    type: Literal["stem", "convnext", "efficientnet"]
    source: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    size: int
    stages: tuple[int, ...] = (3, 4)


@dataclass(frozen=True, kw_only=True)
class LanguageConfig:
    """The language model.

    Args:
        source: folder or name on the hub of its weights; "smollm2" for the package; `None` for one trained here.
        family: of transformers: "llama", "gemma" or "qwen2".
        config: arguments of the family's configuration, as published.
        vocabulary: of whole words, by name; `None` for the tokenizer of ``source``.
        num_layers: layers before the cut.
        full: whether what is sent sees all of itself.
    """

    source: str | None = None
    family: Literal["llama", "gemma", "qwen2"] = "llama"
    config: Mapping[str, Any]
    vocabulary: str | None = None
    num_layers: int
    full: bool = False


@dataclass(frozen=True, kw_only=True)
class TaiChiConfig:
    """All that shapes a TaiChi system.

    Args:
        name: of the preset that it began with.
        low: low-resolution branch.
        detail: high-resolution branch.
        language: language model.
        ratio: M, detail cells per token along each side.
        heads: of the bilateral attention.
        window: of its bottom-up direction; 1 in the paper.
        pooling: output tokens are averaged over squares of this side.
        attention: "local", or "dense" and "none" for the ablation.
        projector: "kan", or "mlp" and "linear" for the ablation.
        hidden: width between the layers of the KAN.
        grid_size: intervals of the KAN's grids.
        order: of the KAN's splines.
        question: "at_receiver", visual tokens cross; "sent", the question crosses with them.
        max_new_tokens: longest answer.
        seed: of the initial parameters.
    """

    name: str
    low: GlobalConfig
    detail: DetailConfig
    language: LanguageConfig
    ratio: int = 2
    heads: int = 4
    window: int = 1
    pooling: int = 1
    attention: Literal["local", "dense", "none"] = "local"
    projector: Literal["kan", "mlp", "linear"] = "kan"
    hidden: int = 32
    grid_size: int = 5
    order: int = 3
    question: Literal["at_receiver", "sent"] = "at_receiver"
    max_new_tokens: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("question", self.question, ("at_receiver", "sent"))

    def described(self) -> dict[str, Any]:
        """Return everything as JSON types."""
        import json

        return json.loads(json.dumps(asdict(self)))


TINY = TaiChiConfig(
    name="tiny",
    low=GlobalConfig(
        config={
            "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
            "image_size": 32, "patch_size": 4,
        },
    ),
    detail=DetailConfig(type="stem", config={"channels": (32, 64), "blocks": 2}, size=64),
    language=LanguageConfig(
        config={
            "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4,
            "tie_word_embeddings": True, "initializer_range": 0.05,
        },
        vocabulary="synth", num_layers=1, full=True,
    ),
)  # fmt: skip
"""1.73 million parameters, all trained here; 64 tokens of 128."""

SMOLLM2 = LanguageConfig(
    source="smollm2",
    config={
        "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True,
    },
    num_layers=4,
)  # fmt: skip

MINI = TaiChiConfig(
    name="mini",
    low=GlobalConfig(
        config={
            "hidden_size": 192, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 6,
            "image_size": 112, "patch_size": 16,
        },
    ),
    detail=DetailConfig(type="efficientnet", config={"blocks": 11}, size=224),
    language=SMOLLM2,
    hidden=64,
)  # fmt: skip
"""EfficientNet-Lite0 and SmolLM2-135M-Instruct as pip has them, both frozen; 49 tokens of 576."""

GEMMA_2B = LanguageConfig(
    source="google/gemma-2b-it",
    family="gemma",
    config={
        "vocab_size": 256000, "hidden_size": 2048, "intermediate_size": 16384, "num_hidden_layers": 18,
        "num_attention_heads": 8, "num_key_value_heads": 1, "head_dim": 256, "tie_word_embeddings": True,
    },
    num_layers=4,
)  # fmt: skip

QWEN2_14B = LanguageConfig(
    source="Qwen/Qwen2.5-14B-Instruct",
    family="qwen2",
    config={
        "vocab_size": 152064, "hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 48,
        "num_attention_heads": 40, "num_key_value_heads": 8, "tie_word_embeddings": False,
    },
    num_layers=8,
)  # fmt: skip

PAPER = TaiChiConfig(
    name="paper",
    low=GlobalConfig(
        source="openai/clip-vit-large-patch14-336",
        config={
            "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
            "image_size": 336, "patch_size": 14,
        },
        layer=-2, mean=CLIP_MEAN, deviation=CLIP_DEVIATION,
    ),
    detail=DetailConfig(
        type="convnext",
        source="laion/CLIP-convnext_large_d_320.laion2B-s29B-b131K-ft-soup",
        config={"depths": (3, 3, 27, 3), "hidden_sizes": (192, 384, 768, 1536)},
        size=768,
    ),
    language=GEMMA_2B,
    heads=8,
    hidden=512,
)  # fmt: skip
"""The paper's models by name. Not stated there and our choice: the image side of the ConvNeXt (768 pixels, so that
M = 2 at a stride of 16, with the last stage enlarged to the same grid), the width of the KAN, and the cut."""

LANGUAGES = {"gemma-2b": GEMMA_2B, "qwen2.5-14b": QWEN2_14B}


def preset(name: str, **changes: Any) -> TaiChiConfig:
    """Return a preset's configuration.

    Args:
        name: "tiny", "mini" or "paper".
        changes: fields of :class:`TaiChiConfig` with other values, and those of its parts by
            ``low_source``, ``detail_source``, ``language_source`` (folders or names), ``num_layers`` (the cut) and
            ``language`` ("gemma-2b" or "qwen2.5-14b").

    Raises:
        ValueError: for an unknown preset or language model.

    Example:
        >>> preset("tiny", projector="mlp").projector
        'mlp'
    """
    config = {"tiny": TINY, "mini": MINI, "paper": PAPER}[check_choice("preset", name, PRESETS)]
    given = dict(changes)
    if isinstance(given.get("language"), str):
        given["language"] = LANGUAGES[check_choice("language", given["language"], LANGUAGES)]
    config = replace(config, **{key: value for key, value in given.items() if key in TaiChiConfig.__dataclass_fields__})
    for part in ("low", "detail", "language"):
        if f"{part}_source" in given:
            config = replace(config, **{part: replace(getattr(config, part), source=given.pop(f"{part}_source"))})
    if "num_layers" in given:
        config = replace(config, language=replace(config.language, num_layers=given.pop("num_layers")))
    unknown = [key for key in given if key not in TaiChiConfig.__dataclass_fields__]
    if unknown:
        check_choice("preset", unknown[0], TaiChiConfig.__dataclass_fields__)
    return config
