"""Configurations of the system: two sizes, one code path."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ...linklevel.validation import check_choice, check_range
from ..taichi.presets import LanguageConfig
from .tokenizers.config import TokenizerConfig
from .tokenizers.presets import tokenizer_preset

PRESETS = ("tiny", "paper")
TASKS = ("vqa", "asr", "text_to_image")
NEEDS = {"vqa": "image", "asr": "audio", "text_to_image": "image"}
"""Which tokenizer each task needs."""

Task = Literal["vqa", "asr", "text_to_image"]


@dataclass(frozen=True, kw_only=True)
class DiffusionConfig:
    """The diffusion head; see :class:`~.diffusion.DiffusionHead`."""

    hidden: int = 192
    num_blocks: int = 3
    prediction: Literal["epsilon", "v_prediction"] = "epsilon"
    num_draws: int = 4
    dropout: float = 0.1
    num_train_steps: int = 1000


@dataclass(frozen=True, kw_only=True)
class GenerationConfig:
    """How answers are generated, which trained weights do not depend on.

    Args:
        scheduler: of diffusers; see :class:`~.diffusion.Sampler`.
        num_steps: of the scheduler for each token.
        guidance: of the sampler; 1 for none.
        top_p: of words; the likeliest if `None`.
        max_new_tokens: longest text.
    """

    scheduler: str = "DPMSolverMultistepScheduler"
    num_steps: int = 20
    guidance: float = 1.0
    top_p: float | None = None
    max_new_tokens: int = 16


@dataclass(frozen=True, kw_only=True)
class UniToComConfig:
    """All that shapes a system.

    Args:
        name: of the preset that it began with.
        tasks: that the model is for, of "vqa", "asr" and "text_to_image".
        tokenizers: one for each modality of the tasks, and of one width. With one for text, a caption crosses as its
            tokens, else word by word as embeddings.
        language: language model; its fields ``full`` and ``num_layers`` are not used.
        text_source: folder or hub name of a tokenizer of transformers; `None` for ``language.vocabulary``.
        diffusion: head for continuous tokens.
        generation: of answers.
        question: "at_receiver", or "sent": its words cross as embeddings behind the image.
        words: "soft", the receiver takes embeddings as they arrived; "nearest", the nearest entry of the table.
        objective: what received tokens are for: "answers", or "reconstruction" by the de-tokenizer; its loss has the
            channel within the tokenizers' loop (Algorithm 1, steps 7 and 8).
        scenes: whether training may use scene graphs of pictures; there is a head for it then, see
            :class:`~.scenes.Scenes`.
        seed: of the initial parameters, and of what is drawn for answers.

    Raises:
        ValueError: for no task, tokenizers that are missing or differ in width, or scenes without the task "vqa" or
            with image tokens that have no place in the picture.
    """

    name: str
    tasks: tuple[Task, ...] = ("vqa", "asr", "text_to_image")
    tokenizers: tuple[TokenizerConfig, ...]
    language: LanguageConfig
    text_source: str | None = None
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    question: Literal["at_receiver", "sent"] = "at_receiver"
    words: Literal["soft", "nearest"] = "soft"
    objective: Literal["answers", "reconstruction"] = "answers"
    scenes: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("question", self.question, ("at_receiver", "sent"))
        check_choice("words", self.words, ("soft", "nearest"))
        check_choice("objective", self.objective, ("answers", "reconstruction"))
        check_range("seed", self.seed, 0, 2**62, integer=True)
        if not self.tasks:
            raise ValueError(f"tasks: () given; at least one of {', '.join(TASKS)} is needed")
        for task in self.tasks:
            check_choice("tasks", task, TASKS)
        modalities = [tokenizer.modality for tokenizer in self.tokenizers]
        for task in self.tasks:
            if NEEDS[task] not in modalities:
                raise ValueError(f"tokenizers: {modalities} given; task {task!r} needs one for {NEEDS[task]}")
        if len(set(modalities)) < len(modalities):
            raise ValueError(f"tokenizers: {modalities} given; one for each modality is needed")
        widths = {tokenizer.modality: tokenizer.dim for tokenizer in self.tokenizers}
        if len(set(widths.values())) > 1:
            raise ValueError(f"tokenizers: dim = {widths} given; one link carries all of them, so widths must be equal")
        self._check_scenes()

    def _check_scenes(self) -> None:
        if not self.scenes:
            return
        if "vqa" not in self.tasks:
            raise ValueError(f"scenes: True given with tasks {self.tasks}; they serve 'vqa' alone")
        if self.image.pooling != "grid":
            raise ValueError(
                f"scenes: True given with pooling {self.image.pooling!r} of images; only tokens of pooling 'grid'"
                " have a place in the picture"
            )

    @property
    def image(self) -> TokenizerConfig:
        """The tokenizer of images."""
        return next(one for one in self.tokenizers if one.modality == "image")

    @property
    def dim(self) -> int:
        """Width of a token on the link."""
        return self.tokenizers[0].dim

    @property
    def reads(self) -> bool:
        """Whether words cross as embeddings."""
        captions = "text_to_image" in self.tasks and "text" not in [one.modality for one in self.tokenizers]
        return captions or self.question == "sent"

    def described(self) -> dict[str, Any]:
        """Return everything that weights depend on, as JSON types."""
        found = json.loads(json.dumps(asdict(self)))
        del found["generation"]
        if not self.scenes:
            del found["scenes"]  # a system without it is what it was before there was such a field
        return found


TINY_LANGUAGE = LanguageConfig(
    config={
        "hidden_size": 160, "intermediate_size": 320, "num_hidden_layers": 4, "num_attention_heads": 4,
        "tie_word_embeddings": True, "initializer_range": 0.05,
    },
    vocabulary="unitocom", num_layers=0,
)  # fmt: skip

PAPER_LANGUAGE = LanguageConfig(
    config={
        "vocab_size": 32_000, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 24,
        "num_attention_heads": 16, "tie_word_embeddings": True,
    },
    num_layers=0,
)  # fmt: skip
"""24 layers, 2048 wide, 1.4 billion parameters, as published; the width of the feed-forward layers, the heads and the
vocabulary are ours, so that the number of parameters is right."""

BASES: dict[str, dict[str, Any]] = {
    "tiny": {"language": TINY_LANGUAGE, "diffusion": DiffusionConfig(prediction="v_prediction")},
    "paper": {
        "language": PAPER_LANGUAGE,
        "text_source": "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        "diffusion": DiffusionConfig(hidden=1024),
        "generation": GenerationConfig(guidance=4.0, max_new_tokens=256),
    },
}
LONGEST_CAPTION = 96
"""Words, with the end mark, that a text tokenizer of the preset tiny takes."""


def preset(
    name: str, *, tasks: Sequence[str] = TASKS, kind: str | None = None, num_image_tokens: int | None = None,
    image_patch_size: int | None = None, num_audio_tokens: int | None = None,
    captions: Literal["words", "tokens"] = "words", dim: int | None = None, tokenizer_hidden: int | None = None,
    num_samples: int | None = None, xi: float | None = None, c_sigma: float | None = None, **changes: Any,
) -> UniToComConfig:  # fmt: skip
    """Return a preset's configuration.

    Args:
        name: "tiny" or "paper".
        tasks: that the model is for; tokenizers that none of them needs are left out.
        kind: of all tokenizers, see :class:`~.tokenizers.TokenizerConfig`; the tokenizer preset's if `None`.
        num_image_tokens: S of an image; the tokenizer preset's if `None`.
        image_patch_size: side of a patch of an image, pixels; likewise.
        num_audio_tokens: S of audio; likewise.
        captions: "words", a caption crosses as embeddings; "tokens", as those of a text tokenizer.
        dim: width of all tokens.
        tokenizer_hidden: width of the Transformers of all tokenizers.
        num_samples: K, of all tokenizers.
        xi: of all tokenizers.
        c_sigma: of all tokenizers.
        changes: fields of :class:`UniToComConfig`, :class:`DiffusionConfig` (``diffusion_hidden`` for its width) and
            :class:`GenerationConfig` with other values.

    Raises:
        ValueError: for an unknown preset, task or field, or values that do not fit.

    Example:
        >>> preset("tiny", tasks=["asr"]).tokenizers[0].num_tokens
        32
    """
    base = BASES[check_choice("preset", name, PRESETS)]
    wanted = {NEEDS[check_choice("tasks", task, TASKS)] for task in tasks}
    if check_choice("captions", captions, ("words", "tokens")) == "tokens" and "text_to_image" in tasks:
        wanted.add("text")
    shared = {
        "kind": kind, "dim": dim, "hidden": tokenizer_hidden, "num_samples": num_samples, "xi": xi, "c_sigma": c_sigma,
    }  # fmt: skip
    special: dict[str, dict[str, Any]] = {
        "image": {"num_tokens": num_image_tokens, "patch_size": image_patch_size},
        "audio": {"num_tokens": num_audio_tokens},
        "text": {"vocabulary": "unitocom", "max_words": LONGEST_CAPTION},
    }
    built = tuple(
        tokenizer_preset(name, one, **{k: v for k, v in {**shared, **special[one]}.items() if v is not None})
        for one in ("image", "audio", "text")
        if one in wanted
    )
    given: dict[str, Any] = {**base, **changes}
    parts = {"diffusion": DiffusionConfig, "generation": GenerationConfig}
    for part, kind_of in parts.items():
        names = {("diffusion_hidden" if n == "hidden" else n): n for n in kind_of.__dataclass_fields__}  # type: ignore[attr-defined]
        own = {names[key]: given.pop(key) for key in list(given) if key in names}
        given[part] = replace(given.get(part, kind_of()), **own)
    for key in given:
        check_choice("preset", key, UniToComConfig.__dataclass_fields__)
    return UniToComConfig(name=name, tasks=tuple(tasks), tokenizers=built, **given)  # type: ignore[arg-type]
