"""Schemes: what a figure compares."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from .air import Air
from .base import Config
from .digital import Digital
from .links import Link
from .multiuser import Devices
from .number import Flag
from .python_target import PythonTarget
from .rules import Broken
from .sources import Clip, Source
from .systems import HFVLM, System
from .tasks import Task
from .tokcom import TokCom
from .token_links import JSCC, Quantized, TokenLinkConfig
from .training import Training
from .union import tagged
from .weights import fingerprint

CLIP_DEVICES = ("video", "audio", "text")
"""Parts of the source clip, in the order of the devices that send them."""


class _Scheme(Config):
    """What all schemes have."""

    name: str = Field(min_length=1, max_length=80, description="Name in legends and results; unique.")
    task: Task | None = Field(default=None, description="The scheme's own task, instead of the scenario's.")
    air: Air | None = Field(default=None, description="The scheme's own air interface, instead of the scenario's.")


class DigitalScheme(_Scheme):
    """Bits over a digital link, or the items of a task through a source coder and a digital link."""

    type: Literal["digital"] = "digital"
    source: Source | None = Field(default=None, description="Source coder; bits need none.")
    link: Link = Field(description="Channel code, constellation and rate.")

    def parts(self) -> dict[str, Any]:
        """Return what is built, besides task and air interface."""
        return {"link": self.link, "source": self.source}

    def rules(self) -> Iterator[Broken]:
        """Yield what the link lacks, or has too much of, for sending with or without a source."""
        if isinstance(self.link, TokenLinkConfig):
            yield _no_bits(self.link)
        if isinstance(self.source, Clip):
            yield Broken("source", self.source.type, "is for devices of a system; it is for a scheme of type token")
        if not isinstance(self.link, Digital):
            return
        if self.source is None:
            yield from self._without_source(self.link)
        else:
            yield from budget_rules(self.link)

    def _without_source(self, link: Digital) -> Iterator[Broken]:
        for name in ("num_channel_uses", "mcs", "mcs_backoff_db"):
            if getattr(link, name) is not None:
                yield Broken(f"link.{name}", getattr(link, name), "is given, but serves a scheme with a source only")
        if link.mcs is None and link.num_bits_per_symbol is None:
            yield Broken("link.num_bits_per_symbol", None, "is missing; give the coded bits per symbol")
        if link.mcs is None and link.rate is None:
            yield Broken("link.coderate", None, "is missing; give coderate, or k and n")


class TokenScheme(_Scheme):
    """Tokens of a system over a link; or images over a learned link, without a system.

    With a source, the text or image itself crosses a digital link, and the system's model works on what
    is decoded: the classical chain with the same model. A clip and a question cross a chain each.
    """

    model_config = ConfigDict(json_schema_extra=lambda schema: schema["required"].append("type"))

    type: Literal["token"] = "token"
    system: System | None = Field(default=None, description="Model whose tokens cross; images as they are need none.")
    source: Source | None = Field(default=None, description="Source coder of a classical chain in front of the model.")
    on_failure: Literal["decoded", "fallback"] = Field(
        default="decoded",
        description="With a source, what the model works on where the CRC fails: what is decoded, or the fallback.",
    )
    link: Link = Field(description="From tokens, images or the source's bytes to symbols.")
    trained_over: Link | None = Field(
        default=None,
        description="With the source clip, the link that the system was trained over: its codecs are at the receiver, "
        "without a channel; null: none.",
    )
    training: Training | None = Field(
        default=None, description="How weights are made that the parts do not name; run trains what is missing."
    )
    train_only: Flag = Field(
        default=False, description="Is trained for others to start from, and not drawn (true or false)."
    )

    def parts(self) -> dict[str, Any]:
        """Return what is built, besides task and air interface."""
        parts = {"link": self.link, "source": self.source, "system": self.system}
        return parts if self.trained_over is None else {**parts, "trained_over": self.trained_over}

    def weights(self) -> dict[str, str]:
        """Return a hash of the weights that each part names; parts without weights are left out."""
        named = {name: getattr(part, "weights", None) for name, part in self.parts().items()}
        return {name: fingerprint(weights) for name, weights in named.items() if weights is not None}

    def rules(self) -> Iterator[Broken]:
        """Yield parts that do not fit together."""
        if isinstance(self.link, Digital) and self.source is None:
            rule = "is missing; a digital link carries the bytes of a source, and tokens need a link of their own"
            yield Broken("source", None, rule)
        if isinstance(self.link, Digital) and self.source is not None:
            yield from (no_budget_rules(self.link) if self.spends_as_needed else budget_rules(self.link))
        if self.source is None and self.on_failure != "decoded":
            yield Broken("on_failure", self.on_failure, "is given, but there is no source whose files could fail")
        if isinstance(self.source, Clip) or getattr(self.link, "sends_content", False):
            yield from clip_rules(self)
        elif self.trained_over is not None:
            yield Broken("trained_over", self.trained_over.type, "is given, but the source is none of type clip")
        elif isinstance(self.link, TokenLinkConfig | Devices) and self.source is not None:
            rule = f"is given, but a link of type {self._link_type} carries tokens or images without one"
            yield Broken("source", self.source.type, rule)
        if self.system is None:
            yield from self._without_system()
        elif isinstance(self.link, JSCC) and self._codes == "image":
            yield Broken("link.codec.type", self.link.codec.type, "codes images, but a system sends tokens")
        if isinstance(self.link, Devices) and self.link.needs_num_tokens and not isinstance(self.system, TokCom):
            yield Broken("link.num_tokens", [], "is missing; only a system of type tokcom says what its devices send")
        yield from self._training_rules()
        wanted, coded = getattr(self.system, "payload", None), getattr(self.source, "payload", None)
        if None not in {wanted, coded} and wanted != coded:
            source: Any = self.source
            yield Broken("source", source.type, f"codes {coded}s, but the system reads {wanted}s")

    def _training_rules(self) -> Iterator[Broken]:
        """Yield what rules training out."""
        training = self.training
        if training is None:
            if self.train_only:
                yield Broken("train_only", True, "is set, but there is no training")
            return
        if isinstance(self.system, HFVLM):
            yield Broken("system.type", self.system.type, "cannot be trained; leave training out")
        if self.source is not None and training.makes_weights:
            rule = "is given, but a scheme with a source trains nothing; give training.start alone, for the system"
            yield Broken("training.data", None, rule)
        if self.system is None and training.data is not None and len(training.data) > 1:
            yield Broken("training.data", len(training.data), "data sets are given; an image codec takes one")
        if self.train_only and not training.makes_weights:
            yield Broken("train_only", True, "is set, but training has no data, so nothing is trained")
        if isinstance(self.link, Quantized) and self.link.weights is None and not training.makes_weights:
            yield Broken("training.data", None, "is missing; the quantiser is fitted to tokens of it")

    @property
    def trains(self) -> bool:
        """Whether weights are to be looked up, or made, since the parts do not name all of them."""
        unnamed = self.system is not None and getattr(self.system, "weights", None) is None
        return self.training is not None and (unnamed or self.needs_link_weights)

    @property
    def needs_link_weights(self) -> bool:
        """Whether the link has parameters and does not name their weights."""
        link = self.learned_link
        learned = isinstance(link, JSCC | Quantized | PythonTarget) or getattr(link, "learned", False)
        return learned and getattr(link, "weights", None) is None

    @property
    def learned_link(self) -> Any:
        """The link whose codecs the system's tokens pass: the scheme's own, or the one that it was trained over."""
        return self.link if self.trained_over is None else self.trained_over

    @property
    def spends_as_needed(self) -> bool:
        """Whether each item gets the channel uses that its file needs, instead of a budget."""
        fixed = getattr(self.source, "fixed", False)
        return fixed and isinstance(self.link, Digital) and self.link.num_channel_uses is None

    def _without_system(self) -> Iterator[Broken]:
        if self.source is not None:
            yield Broken("system", None, "is missing; without one, a scheme with a source has the type digital")
        elif isinstance(self.link, TokenLinkConfig) and self._codes == "token":
            rule = f"is missing; a link of type {self._link_type} carries tokens, which one makes"
            yield Broken("system", None, rule)

    @property
    def _link_type(self) -> str:
        return repr(self.link.type)

    @property
    def _codes(self) -> str | None:
        """What the link carries: "token" or "image", or `None` for a Python class."""
        codec = getattr(self.link, "codec", None)
        if codec is None:
            return "token"
        return None if isinstance(codec, PythonTarget) else codec.payload


def clip_rules(scheme: TokenScheme) -> Iterator[Broken]:
    """Yield what the parts of a scheme whose devices send content rule out for each other."""
    source, link, system = scheme.source, scheme.link, scheme.system
    if not isinstance(source, Clip):
        rule = "is none of type clip, but digital links of devices carry the parts of one"
        yield Broken("source", getattr(source, "type", None), rule, ("clip",))
    if not isinstance(link, Devices) or not link.sends_content:
        yield Broken("link.type", link.type, "is no link of devices with digital links, one for each part of a clip")
    elif len(link.links) != len(CLIP_DEVICES):
        rule = f"links are given; a clip has {len(CLIP_DEVICES)} parts: {', '.join(CLIP_DEVICES)}"
        yield Broken("link.links", len(link.links), rule)
    else:
        for index, one in enumerate(link.links):
            yield from budget_rules(one, f"link.links.{index}.") if isinstance(one, Digital) else ()
    if isinstance(system, TokCom):
        if system.off or set(system.devices or CLIP_DEVICES) != set(CLIP_DEVICES):
            name = "off" if system.off else "devices"
            value = list(getattr(system, name))
            yield Broken(f"system.{name}", value, f"leaves a device out, but all send: {', '.join(CLIP_DEVICES)}")
    elif system is not None:
        yield Broken("system.type", system.type, "answers about no clips", ("tokcom",))
    if scheme.on_failure != "decoded":
        rule = "is given, but a device whose block fails delivers nothing"
        yield Broken("on_failure", scheme.on_failure, rule)
    over: Any = scheme.trained_over
    if isinstance(over, Digital) or getattr(over, "sends_content", False):
        yield Broken("trained_over.type", over.type, "carries no tokens, which the system was trained to send")


def budget_rules(link: Digital, prefix: str = "link.") -> Iterator[Broken]:
    """Yield what a digital link lacks, or has too much of, for sending the files of a source."""
    if link.num_channel_uses is None:
        yield Broken(f"{prefix}num_channel_uses", None, "is missing; a source fits its items to this budget")
    if link.k is not None or link.n is not None:
        yield Broken(
            f"{prefix}k",
            link.k,
            "is given, but the budget and the coderate set the sizes of a source's blocks",
        )
    if link.mcs is None and link.num_bits_per_symbol is None:
        yield Broken(f"{prefix}num_bits_per_symbol", None, "is missing; give it and coderate, or a list mcs")
    if link.mcs is None and link.rate is None and link.k is None:
        yield Broken(f"{prefix}coderate", None, "is missing; give it and num_bits_per_symbol, or a list mcs")
    if link.mcs is None and link.mcs_backoff_db is not None:
        yield Broken(
            f"{prefix}mcs_backoff_db",
            link.mcs_backoff_db,
            "is given, but there is no list mcs to choose from",
        )


def no_budget_rules(link: Digital) -> Iterator[Broken]:
    """Yield what a digital link lacks, or has too much of, for files that each get the channel uses they need."""
    for name in ("mcs", "mcs_backoff_db", "k", "n"):
        if getattr(link, name) is not None:
            yield Broken(f"link.{name}", getattr(link, name), "is given, but needs the budget num_channel_uses")
    for name in ("num_bits_per_symbol", "coderate"):
        if getattr(link, name) is None:
            yield Broken(f"link.{name}", None, "is missing; give it, or the budget num_channel_uses")


def _no_bits(link: Any) -> Broken:
    return Broken("link.type", link.type, "carries tokens or images; it is for a scheme of type token")


def _digital_if_untold(value: Any) -> Any:
    return {**value, "type": "digital"} if isinstance(value, dict) and "type" not in value else value


if TYPE_CHECKING:
    Scheme = DigitalScheme | TokenScheme
else:
    Scheme = Annotated[tagged(DigitalScheme | TokenScheme), BeforeValidator(_digital_if_untold)]
    """Any scheme; one without a type is digital."""
