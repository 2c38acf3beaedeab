"""Token systems: models divided at a cut, whose tokens cross a link."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from .base import Config
from .baselines import DeepSC, DeepSCVQA, MobileVLM, UDeepSC
from .number import Flag, Integer, Real
from .picture_baselines import TextDiffusion
from .python_target import PythonTarget
from .rules import Broken
from .speech_baselines import DeepSCST
from .taichi import TaiChi
from .tokcom import TokCom
from .union import tagged
from .unitocom import UniToCom
from .weights import Weights, load, weights_rules

if TYPE_CHECKING:
    from ...linklevel.air.base import AirInterface
    from ...linklevel.links import Link
    from ...linklevel.sources import SourceCodec
    from ...models.hf_vlm import HFVLM as VLM
    from ...models.systems import TokenSystem


class SentenceClassifier(Config):
    """Classes of sentences: MiniLM at the transmitter, a small classifier at the receiver."""

    payload: ClassVar[str] = "text"
    type: Literal["sentence_classifier"] = "sentence_classifier"
    classes: tuple[str, ...] = Field(
        default=("negative", "positive"), min_length=2, max_length=10_000, description="Names of the classes."
    )
    encoder: Literal["minilm-l6-v2"] = Field(default="minilm-l6-v2", description="Pretrained encoder, 384 wide.")
    path: str | None = Field(default=None, description="Folder of the encoder's weights; looked for if null.")
    online: Flag = Field(default=False, description="Ask the Hugging Face hub for the encoder (true or false).")
    dim: Integer | None = Field(
        default=None, ge=1, le=384, description="Principal components that tokens have (count); null: whole tokens."
    )
    hidden: Integer = Field(default=64, ge=0, le=2**16, description="Width of the hidden layer; 0 for none.")
    max_num_tokens: Integer = Field(default=63, ge=3, le=256, description="Longer sentences are cut (tokens).")
    seed: Integer = Field(default=0, ge=0, le=2**62, description="Of the initial parameters.")
    weights: str | None = Weights

    def rules(self) -> Iterator[Broken]:
        """Yield classes that are there twice, and a wrong name of weights."""
        for index, name in enumerate(self.classes):
            if name in self.classes[:index]:
                yield Broken(f"classes.{index}", name, "is in the list twice")
        yield from weights_rules(self.weights)

    def identity(self) -> dict[str, Any]:
        """Return the system's configuration without reading the encoder."""
        names = ("type", "classes", "encoder", "dim", "hidden", "max_num_tokens")
        return {name: getattr(self, name) for name in names}

    def build(self, *, device: str = "cpu") -> "TokenSystem":
        """Construct the system."""
        from ...models.systems import SentenceClassifier as System

        values = {name: value for name, value in self.parameters().items() if name != "weights"}
        system = System(device=device, **values)
        if self.weights is not None:
            load(system, self.weights, "system", system.configuration())
        return system.to(device)


class HFVLM(Config):
    """Any vision-language model of transformers; its tokens cross at a cut."""

    payload: ClassVar[str] = "image"
    type: Literal["hf_vlm"] = "hf_vlm"
    model: str = Field(min_length=1, description="Folder, or id on the Hugging Face hub; safetensors only.")
    cut: str = Field(min_length=1, description="Module after which tokens cross, as model.multi_modal_projector.")
    positions: Literal["image", "text"] | None = Field(default=None, description="Which tokens cross; null: all.")
    value: str | None = Field(default=None, description="Where tokens are in what the module emits, as 0 or a.b.")
    dim: Integer | None = Field(
        default=None, ge=1, le=2**20, description="Width of tokens at the cut (reals); the language model's if null."
    )
    generation: Literal["receiver_only", "feedback"] = Field(
        default="receiver_only", description="What crosses while an answer is generated."
    )
    max_new_tokens: Integer = Field(default=16, ge=1, le=10**5, description="Longest answer (tokens).")
    template: str | None = Field(default=None, description="Around {image} and {question}; the model's own if null.")
    dtype: Literal["float32", "bfloat16", "float16"] | None = Field(
        default=None, description="Of the model's parameters; as stored if null."
    )

    def link(self, make_link: Callable[..., "Link"], *, device: str) -> "Link":
        """Read the model and put a link at its cut; ``make_link`` is called with ``dim``."""
        from ...models.vlm_link import VLMLink

        vlm = self._read(device)
        config: Any = vlm.model.config
        return VLMLink(vlm, make_link(dim=self.dim or config.get_text_config().hidden_size))

    def build(self, *, device: str = "cpu") -> "TokenSystem":
        """Read the model, all of it for the receiver of a classical chain."""
        from ...models.vlm_source_link import WholeVLM

        return WholeVLM(self._read(device))

    def _read(self, device: str) -> "VLM":
        from torch import nn

        from ...models import hf_vlm
        from ...models.bridge import Cut

        names = ("model", "generation", "max_new_tokens", "template", "dtype")
        cut = Cut(module=self.cut, positions=self.positions, value=self.value)
        return hf_vlm.HFVLM(cut=cut, link=nn.Identity(), **{name: getattr(self, name) for name in names}).to(device)


class SpeechRecognizer(Config):
    """Transcripts of speech: Whisper's encoder at the transmitter, its decoder at the receiver."""

    payload: ClassVar[str] = "audio"
    type: Literal["speech_recognizer"] = "speech_recognizer"
    model: Literal["whisper-tiny.en"] = Field(default="whisper-tiny.en", description="Pretrained model, 384 wide.")
    path: str | None = Field(default=None, description="Folder of the model's weights; looked for if null.")
    online: Flag = Field(default=False, description="Ask the Hugging Face hub for the model (true or false).")
    pooling: Integer = Field(default=1, ge=1, le=64, description="Neighbouring tokens averaged to one sent (count).")
    context: Real | None = Field(
        default=3.0, ge=0, le=30, description="Silence after the audio that the encoder hears (s); null: up to 30 s."
    )
    drop_unsure: Flag = Field(
        default=True, description="Write nothing where Whisper is unsure or repeats itself (true or false)."
    )

    def identity(self) -> dict[str, Any]:
        """Return the system's configuration without reading the model."""
        return {name: getattr(self, name) for name in ("type", "model", "pooling")}

    def build(self, *, device: str = "cpu", sampling_rate: int = 16_000) -> "TokenSystem":
        """Construct the system for audio at ``sampling_rate``, Hz."""
        from ...models.systems import SpeechRecognizer as System

        return System(device=device, sampling_rate=sampling_rate, **self.parameters())


class SplitLM(Config):
    """Classes of sentences by prompting SmolLM2, which is cut in two: hidden states of the sentence cross."""

    payload: ClassVar[str] = "text"
    type: Literal["split_lm"] = "split_lm"
    classes: tuple[str, ...] = Field(
        default=("negative", "positive"), min_length=2, max_length=1000, description="Names of the classes."
    )
    words: tuple[str, ...] | None = Field(
        default=None, description="What stands for each class in the prompt; its name if null."
    )
    before: str = Field(min_length=1, description="Prompt before the sentence, which both sides know.")
    after: str = Field(min_length=1, description="Prompt behind the sentence, which both sides know.")
    num_layers: Integer = Field(default=15, ge=0, le=29, description="Layers at the transmitter, of 30 (count).")
    path: str | None = Field(default=None, description="Folder of the model's weights; looked for if null.")
    online: Flag = Field(default=False, description="Ask the Hugging Face hub for the model (true or false).")
    max_num_tokens: Integer = Field(default=63, ge=1, le=4096, description="Longer sentences are cut (tokens).")

    def rules(self) -> Iterator[Broken]:
        """Yield classes that are there twice, and words that are not one for each class."""
        for index, name in enumerate(self.classes):
            if name in self.classes[:index]:
                yield Broken(f"classes.{index}", name, "is in the list twice")
        if self.words is not None and len(self.words) != len(self.classes):
            yield Broken("words", list(self.words), f"needs one word for each of the {len(self.classes)} classes")

    def identity(self) -> dict[str, Any]:
        """Return what trained weights belong to, as the system itself says, without reading the model."""
        words = self.classes if self.words is None else self.words
        names = ("type", "before", "after", "num_layers", "max_num_tokens")
        own = {name: getattr(self, name) for name in names}
        return {**own, "classes": list(self.classes), "words": list(words)}

    def build(self, *, device: str = "cpu") -> "TokenSystem":
        """Construct the system."""
        from ...models.systems import SplitLM as System

        return System(device=device, **self.parameters())


System = tagged(
    SentenceClassifier
    | SpeechRecognizer
    | SplitLM
    | TaiChi
    | TokCom
    | UniToCom
    | DeepSC
    | DeepSCST
    | TextDiffusion
    | DeepSCVQA
    | UDeepSC
    | MobileVLM
    | HFVLM
    | PythonTarget
)
"""Any system; a Python class is a :class:`~tokencom.models.systems.TokenSystem`, called with ``options``."""


def system_of(
    config: SentenceClassifier | SpeechRecognizer | SplitLM | HFVLM | PythonTarget, device: str, **context: Any
) -> "TokenSystem":
    """Construct a system on a device; ``context`` is what the task says of its data, such as ``sampling_rate``."""
    if isinstance(config, PythonTarget):
        return config.build().to(device)
    return config.build(device=device, **context)


def classical(system: "TokenSystem", link: "Link", source: "SourceCodec | None", on_failure: str) -> "Link":
    """Return the link of a task whose content crosses a classical chain; ``source`` if the link has none itself."""
    from ...models.systems import SourceSystemLink

    return SourceSystemLink(system, link, source=source, on_failure=on_failure)


def of_devices(
    system: "TokenSystem", scheme: Any, sources: "Sequence[SourceCodec]", air: "AirInterface"
) -> "Link":  # fmt: skip
    """Return the link of a task whose content crosses several classical chains.

    Args:
        system: the model.
        scheme: with ``link`` of devices and, if there is one, ``trained_over``.
        sources: codec of each device.
        air: what each device transmits over.
    """
    from ...models.tokcom.source_link import SourceDevicesLink

    own: Any = system
    over = scheme.trained_over
    codecs = None if over is None else over.build(air=air, dim=own.dim, trained_for=own.configuration())
    return SourceDevicesLink(own, scheme.link.chains(air=air, sources=sources), trained_over=codecs)


def around(system: "TokenSystem", make_link: Callable[..., "Link"]) -> "Link":
    """Return the link of a task whose tokens cross: samples in, answers out.

    Args:
        system: the model.
        make_link: called with ``dim`` and ``trained_for``.
    """
    from ...models.systems import SystemLink

    describe: Any = getattr(system, "configuration", None)
    return SystemLink(system, make_link(dim=system.dim, trained_for=describe() if callable(describe) else None))
