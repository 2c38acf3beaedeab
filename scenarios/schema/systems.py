"""Token systems: models divided at a cut, whose tokens cross a link."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from .base import Config
from .number import Flag, Integer
from .python_target import PythonTarget
from .rules import Broken
from .union import tagged
from .weights import Weights, load, weights_rules

if TYPE_CHECKING:
    from ...linklevel.links import Link
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
        from torch import nn

        from ...models import hf_vlm
        from ...models.bridge import Cut
        from ...models.vlm_link import VLMLink

        names = ("model", "generation", "max_new_tokens", "template", "dtype")
        cut = Cut(module=self.cut, positions=self.positions, value=self.value)
        vlm = hf_vlm.HFVLM(cut=cut, link=nn.Identity(), **{name: getattr(self, name) for name in names}).to(device)
        config: Any = vlm.model.config
        return VLMLink(vlm, make_link(dim=self.dim or config.get_text_config().hidden_size))


System = tagged(SentenceClassifier | HFVLM | PythonTarget)
"""Any system; a Python class is a :class:`~tokencom.models.systems.TokenSystem`, called with ``options``."""


def system_of(config: SentenceClassifier | PythonTarget, device: str) -> "TokenSystem":
    """Construct a system on a device."""
    if isinstance(config, PythonTarget):
        return config.build().to(device)
    return config.build(device=device)


def around(system: "TokenSystem", make_link: Callable[..., "Link"], *, classical: bool) -> "Link":
    """Return the link of a task: samples in, answers out.

    Args:
        system: the model.
        make_link: called with ``dim`` and ``trained_for``; without arguments if ``classical``.
        classical: whether the link carries what the model works on, not its tokens.
    """
    from ...models.systems import SourceSystemLink, SystemLink

    if classical:
        return SourceSystemLink(system, make_link())
    describe: Any = getattr(system, "configuration", None)
    return SystemLink(system, make_link(dim=system.dim, trained_for=describe() if callable(describe) else None))
