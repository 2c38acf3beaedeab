"""Configurations of the system: three sizes, one code path."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ...linklevel.validation import check_choice, check_range
from ..taichi.presets import SMOLLM2, LanguageConfig

PRESETS = ("tiny", "mini", "paper")
MODALITIES = ("audio", "video", "text")


@dataclass(frozen=True, kw_only=True)
class DeviceConfig:
    """A device: one modality, its encoder, and how many tokens it sends.

    Args:
        name: of the device; names differ.
        modality: "audio" (an ASTModel), "video" (a VivitModel) or "text" (the language model's embedding).
        input: key of what it has in a sample's ``inputs``; the modality, or "question" for text, if `None`.
        source: folder or name on the hub of the encoder's weights; `None` for one that is trained here.
        config: arguments of ASTConfig or VivitConfig.
        num_tokens: s_m, tokens that are sent; text sends every word.
        slide: "even" (eq 3) or "pool" (window pooling, the journal version).
        window: of the pooling; as short as leaves no token out if `None`.
        hidden: width of a hidden layer of F_m (eq 4); 0 for a linear map.
        sampling_rate: that the encoder hears at, Hz; of audio.
        level: mean and deviation of the log-mel spectrogram; of audio.
    """

    name: str
    modality: Literal["audio", "video", "text"]
    input: str | None = None
    source: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    num_tokens: int = 32
    slide: Literal["even", "pool"] = "even"
    window: int | None = None
    hidden: int = 0
    sampling_rate: int = 16_000
    level: tuple[float, float] = (-4.2677393, 4.5689974)

    def __post_init__(self) -> None:
        check_choice("modality", self.modality, MODALITIES)
        check_range("num_tokens", self.num_tokens, 1, 2**20, integer=True)
        check_range("hidden", self.hidden, 0, 2**20, integer=True)
        if not self.name.isidentifier():
            raise ValueError(f"name: {self.name!r} given; a device's name has letters, digits and _ only")

    @property
    def key(self) -> str:
        """Key of what the device has in a sample's inputs."""
        return self.input or ("question" if self.modality == "text" else self.modality)


@dataclass(frozen=True, kw_only=True)
class TokComConfig:
    """All that shapes a system.

    Args:
        name: of the preset that it began with.
        devices: in the order of concatenation (eq 12); at most one has text, and is the last. Without one, the
            question is at the receiver.
        language: language model of the server; its field ``full`` says whether the tokens before the text see all
            of themselves, ``num_layers`` is not used.
        output: what the server puts behind the question, before the answer.
        head_hidden: width between the two layers of G_m (eq 8).
        marks: whether a learned vector stands before the tokens of each device.
        head: "autoregressive" answers over the whole vocabulary, or "discriminative" ones of the list ``answers``.
        answers: of the discriminative head.
        objective: what received tokens are for in training: "answers" (stage 2), or "alignment" (stage 1), where
            the text device sends a description of the clip.
        temperature: tau of eq 11.
        directions: "one" or "both"; see :func:`~.losses.contrastive`.
        contrastive_weight: of eq 11 beside eq 9 in the alignment.
        max_new_tokens: longest answer.
        seed: of the initial parameters.

    Raises:
        ValueError: for devices of one name, a text device that is not the last, or a head without answers.
    """

    name: str
    devices: tuple[DeviceConfig, ...]
    language: LanguageConfig
    output: str = "<output>"
    head_hidden: int
    marks: bool = False
    head: Literal["autoregressive", "discriminative"] = "autoregressive"
    answers: tuple[str, ...] = ()
    objective: Literal["answers", "alignment"] = "answers"
    temperature: float = 0.07
    directions: Literal["one", "both"] = "one"
    contrastive_weight: float = 1.0
    max_new_tokens: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("head", self.head, ("autoregressive", "discriminative"))
        check_choice("objective", self.objective, ("answers", "alignment"))
        check_range("head_hidden", self.head_hidden, 1, 2**20, integer=True)
        names = [device.name for device in self.devices]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"devices: {names} given; at least one is needed, and names must differ")
        if "text" in [device.modality for device in self.devices[:-1]]:
            raise ValueError("devices: only the last one may have text, whose tokens come last (eq 12)")
        if self.head == "discriminative" and len(set(self.answers)) < max(2, len(self.answers)):
            raise ValueError(f"answers: {self.answers} given; the discriminative head needs different ones, 2 or more")
        if self.objective == "alignment" and self.devices[-1].modality != "text":
            raise ValueError("objective: 'alignment' needs a device with text, to which the others are aligned")

    @property
    def writer(self) -> DeviceConfig | None:
        """The device with text; `None` if there is none, and the question is at the receiver."""
        return self.devices[-1] if self.devices[-1].modality == "text" else None

    @property
    def sensing(self) -> tuple[DeviceConfig, ...]:
        """The devices that hear or see."""
        return tuple(device for device in self.devices if device.modality != "text")

    @property
    def num_slots(self) -> int:
        """Time slots of the loss ``events``: frames of the first device with video, or 8."""
        frames = [device.config.get("num_frames", 32) for device in self.devices if device.modality == "video"]
        return int(frames[0]) if frames else 8

    def described(self) -> dict[str, Any]:
        """Return everything as JSON types."""
        return json.loads(json.dumps(asdict(self)))


TEXT = DeviceConfig(name="text", modality="text")
SMALL_AUDIO: dict[str, Any] = {
    "hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_mel_bins": 64, "max_length": 98, "patch_size": 8, "frequency_stride": 8, "time_stride": 6,
}  # fmt: skip
SMALL_VIDEO: dict[str, Any] = {
    "hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 3, "num_attention_heads": 4,
    "image_size": 32, "num_frames": 8, "tubelet_size": [1, 8, 8],
}  # fmt: skip

TINY = TokComConfig(
    name="tiny",
    devices=(
        DeviceConfig(name="video", modality="video", config=SMALL_VIDEO, num_tokens=32),
        DeviceConfig(name="audio", modality="audio", config=SMALL_AUDIO, num_tokens=32, sampling_rate=8000),
        TEXT,
    ),
    language=LanguageConfig(
        config={
            "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
            "tie_word_embeddings": True, "initializer_range": 0.05,
        },
        vocabulary="avqa_synth", num_layers=0, full=True,
    ),
    head_hidden=128,
)  # fmt: skip
"""All trained here; 130 tokens of audio and 129 of video before Slide, 128 wide."""

MINI = TokComConfig(
    name="mini",
    devices=(
        DeviceConfig(name="video", modality="video", config={**SMALL_VIDEO, "hidden_size": 192}, num_tokens=32),
        DeviceConfig(
            name="audio", modality="audio", config={**SMALL_AUDIO, "hidden_size": 192}, num_tokens=32,
            sampling_rate=8000,
        ),
        TEXT,
    ),
    language=replace(SMOLLM2, num_layers=0),
    output="\nAnswer:",
    head_hidden=384,
)  # fmt: skip
"""SmolLM2-135M-Instruct as pip has it, frozen, and small audio and video transformers that are trained here."""

PAPER = TokComConfig(
    name="paper",
    devices=(
        DeviceConfig(name="video", modality="video", source="google/vivit-b-16x2", num_tokens=32),
        DeviceConfig(
            name="audio", modality="audio", source="MIT/ast-finetuned-audioset-10-10-0.4593", num_tokens=64
        ),
        TEXT,
    ),
    language=LanguageConfig(
        source="Qwen/Qwen2.5-1.5B",
        family="qwen2",
        config={
            "vocab_size": 151936, "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
            "num_attention_heads": 12, "num_key_value_heads": 2, "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}, "rms_norm_eps": 1e-6,
            "max_position_embeddings": 131072,
        },
        num_layers=0,
    ),
    output="\nAnswer:",
    head_hidden=1024,
)  # fmt: skip
"""The paper's models by name: 1214 tokens of audio and 3137 of video before Slide, 1536 wide. The lengths are those
that its training loss is best with; what is put behind the question is our choice."""


def preset(
    name: str, *, devices: Sequence[str] | None = None, num_tokens: Mapping[str, int] | None = None,
    sources: Mapping[str, str] | None = None, slide: Literal["even", "pool"] | None = None, **changes: Any,
) -> TokComConfig:  # fmt: skip
    """Return a preset's configuration.

    Args:
        name: "tiny", "mini" or "paper".
        devices: names of those that there are, of "video", "audio" and "text"; all if `None`.
        num_tokens: s_m of devices by name.
        sources: folder or hub name of weights by device, and of the language model as "language".
        slide: of all devices.
        changes: fields of :class:`TokComConfig` with other values.

    Raises:
        ValueError: for an unknown preset, device or field.

    Example:
        >>> preset("paper", num_tokens={"audio": 16}).devices[1].num_tokens
        16
    """
    config = {"tiny": TINY, "mini": MINI, "paper": PAPER}[check_choice("preset", name, PRESETS)]
    for key in changes:
        check_choice("preset", key, TokComConfig.__dataclass_fields__)
    known = [device.name for device in config.devices]
    lengths, given = dict(num_tokens or {}), dict(sources or {})
    language = replace(config.language, source=given.pop("language", config.language.source))
    for key in (*(devices or ()), *lengths, *given):
        check_choice("devices", key, known)
    chosen = []
    for device in config.devices:
        if devices is None or device.name in devices:
            count, source = lengths.get(device.name, device.num_tokens), given.get(device.name, device.source)
            chosen.append(replace(device, num_tokens=count, source=source, slide=slide or device.slide))
    return replace(config, **{"devices": tuple(chosen), "language": language, **changes})
