"""Several devices that send the tokens, or the content, of one item: their links, and how they share the air."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from .base import Config
from .digital import Digital
from .number import Integer, Real
from .rules import Broken
from .token_links import JSCC, Analog, Quantized, configuration
from .weights import Weights, load, weights_rules

if TYPE_CHECKING:
    from ...linklevel.air.base import AirInterface
    from ...linklevel.multiuser import DevicesLink, MultipleAccess, MultiUserLink
    from ...linklevel.sources import SourceCodec

Gain = Annotated[Real, Field(ge=-100, le=100)]
Weight = Annotated[Real, Field(ge=1e-6, le=1e12)]


class _Access(Config):
    """What all schemes of access have."""

    path_gain_db: tuple[Gain, ...] | None = Field(
        default=None, description="Long-term gain of each device, on top of snr_db (dB); 0 if null."
    )
    power_control: Literal["none", "inversion"] = Field(
        default="none", description="Full power, or every device arrives like the weakest."
    )

    def lists(self) -> Iterator[tuple[str, int]]:
        """Yield the name and length of each list that has one entry per device."""
        if self.path_gain_db is not None:
            yield "path_gain_db", len(self.path_gain_db)


class UplinkMIMOAccess(_Access):
    """All devices in the same resource elements, told apart by the antennas of a flat air interface."""

    type: Literal["uplink_mimo"] = "uplink_mimo"
    detector: Literal["lmmse", "zf"] = Field(default="lmmse", description="Joint linear detector.")
    estimator: Literal["ls", "lmmse"] = Field(default="ls", description="Channel estimator; for csi 'estimated'.")
    angles_deg: tuple[Annotated[Real, Field(ge=-90, le=90)], ...] | None = Field(
        default=None, description="Angle of each device's line of sight (degrees); evenly spaced sines if null."
    )

    def lists(self) -> Iterator[tuple[str, int]]:
        """Yield the lists with one entry per device."""
        yield from super().lists()
        if self.angles_deg is not None:
            yield "angles_deg", len(self.angles_deg)

    def build(self, *, air: Any, num_devices: int) -> "MultipleAccess":
        """Construct the access of ``num_devices`` over the air interface of a device."""
        from ...linklevel.multiuser import UplinkMIMO

        return UplinkMIMO(air, num_devices, **self.parameters())


class OrthogonalAccessConfig(_Access):
    """Each device has a share of the time or of the band for itself."""

    type: Literal["orthogonal"] = "orthogonal"
    shares: Literal["equal", "payload", "weakest"] = Field(
        default="equal", description="Of a round: equal, by what devices send, or best for the weakest device."
    )
    power: Literal["unit", "shared"] = Field(
        default="unit", description="With shares 'weakest': unit energy per symbol, or the power is shared as well."
    )
    domain: Literal["time", "frequency"] = Field(default="time", description="What is shared.")
    weights: tuple[Weight, ...] | None = Field(
        default=None, description="Payload of each device for shares 'weakest', relative to each other (ratio)."
    )

    def rules(self) -> Iterator[Broken]:
        """Yield what only shares 'weakest' have."""
        if self.shares != "weakest":
            if self.power != "unit":
                yield Broken("power", self.power, f"is given with shares {self.shares!r}; it needs 'weakest'")
            if self.weights is not None:
                yield Broken(
                    "weights", list(self.weights), f"are given with shares {self.shares!r}; they need 'weakest'"
                )
        if self.power == "shared" and self.power_control != "none":
            yield Broken("power_control", self.power_control, "is given with power 'shared', which sets the power too")

    def lists(self) -> Iterator[tuple[str, int]]:
        """Yield the lists with one entry per device."""
        yield from super().lists()
        if self.weights is not None:
            yield "weights", len(self.weights)

    def build(self, *, air: Any, num_devices: int) -> "MultipleAccess":
        """Construct the access of ``num_devices`` over the air interface of a device."""
        from ...linklevel.multiuser import OrthogonalAccess

        return OrthogonalAccess(air, num_devices, **self.parameters())


Access = Annotated[UplinkMIMOAccess | OrthogonalAccessConfig, Field(discriminator="type")]
"""Any scheme of access."""

DeviceLink = Annotated[JSCC | Analog | Quantized | Digital, Field(discriminator="type")]
"""Link of a device."""


class Devices(Config):
    """Several devices: each sends its part of an item's tokens over a link of its own, all over one access.

    With digital links, each sends its part of an item itself, as a source codes it.
    """

    type: Literal["devices"] = "devices"
    links: tuple[DeviceLink, ...] = Field(min_length=1, max_length=64, description="Link of each device.")
    num_tokens: tuple[Annotated[Integer, Field(ge=0, le=2**20)], ...] = Field(
        default=(),
        description="Agreed tokens of each device but the last, which has the rest (count); if absent, what the "
        "devices of a system of type tokcom send. None for digital links.",
    )
    access: Access = Field(description="How the devices share the air.")
    weights: str | None = Weights

    def rules(self) -> Iterator[Broken]:
        """Yield lists that have not one entry per device, and links with weights of their own."""
        count = len(self.links)
        if self.sends_content:
            yield from self._content_rules()
        elif self.num_tokens and len(self.num_tokens) != count - 1:
            rule = f"has {len(self.num_tokens)} entries; {count} links need {count - 1}, the last device has the rest"
            yield Broken("num_tokens", list(self.num_tokens), rule)
        for name, length in self.access.lists():
            if length != count:
                value = list(getattr(self.access, name))
                yield Broken(f"access.{name}", value, f"has {length} entries; {count} links need {count}")
        for index, link in enumerate(self.links):
            weights = getattr(link, "weights", None)
            if weights is not None:
                yield Broken(
                    f"links.{index}.weights",
                    weights,
                    "is given; devices are trained together, so weights are given for all of them",
                )
        yield from weights_rules(self.weights)

    def _content_rules(self) -> Iterator[Broken]:
        """Yield what digital links rule out."""
        for index, link in enumerate(self.links):
            if not isinstance(link, Digital):
                rule = "carries tokens beside a digital link of another device; all are digital, or none"
                yield Broken(f"links.{index}.type", link.type, rule)
            elif link.crc is None:
                rule = "is needed: a device whose block fails delivers nothing"
                yield Broken(f"links.{index}.crc", None, rule)
        if self.num_tokens:
            yield Broken("num_tokens", list(self.num_tokens), "is given, but digital links carry no tokens")
        if self.weights is not None:
            yield Broken("weights", self.weights, "are given, but digital links have none")

    @property
    def sends_content(self) -> bool:
        """Whether devices send what they have itself, over digital links, and no tokens."""
        return any(isinstance(link, Digital) for link in self.links)

    @property
    def needs_num_tokens(self) -> bool:
        """Whether the system says how many tokens each device sends, since the link does not."""
        return len(self.links) > 1 and not self.num_tokens and not self.sends_content

    @property
    def learned(self) -> bool:
        """Whether any device's link has parameters."""
        return any(isinstance(link, JSCC | Quantized) for link in self.links)

    def configuration(self) -> dict[str, Any]:
        """Return what weights depend on, as JSON types: the devices' links, not how they share the air."""
        learned = (JSCC, Quantized)
        own = [configuration(link) if isinstance(link, learned) else {"type": link.type} for link in self.links]
        return {"type": self.type, "links": own}

    def build(
        self, *, air: "AirInterface", dim: int, trained_for: Mapping[str, Any] | None = None, **context: Any
    ) -> "DevicesLink":
        """Construct the link for tokens of width ``dim``; see :meth:`JSCC.build`.

        Without ``num_tokens``, those of the devices of ``trained_for``, a system's configuration, are agreed.
        """
        from ...linklevel.multiuser import DevicesLink

        links = [link.build(air=air, dim=dim) for link in self.links if not isinstance(link, Digital)]
        access = self.access.build(air=air, num_devices=len(links))
        agreed = self.num_tokens or tuple(one["num_tokens"] for one in (trained_for or {}).get("devices", ())[:-1])
        made = DevicesLink(links, access, num_tokens=agreed)
        if self.weights is not None:
            load(made, self.weights, "link", self.configuration(), trained_for)
        return made

    def chains(self, *, air: "AirInterface", sources: "Sequence[SourceCodec]") -> "MultiUserLink":
        """Construct the digital links, one for each of ``sources``."""
        from ...linklevel.multiuser import MultiUserLink

        pairs = zip(self.links, sources, strict=True)
        links = [link.build(air=air, source=source) for link, source in pairs if isinstance(link, Digital)]
        return MultiUserLink(links, self.access.build(air=air, num_devices=len(links)))
