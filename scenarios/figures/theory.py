"""Theory lines of a figure: what a scenario's ``theory`` list says, over its SNR axis."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...linklevel import theory

if TYPE_CHECKING:
    from ..schema.scenario import Scenario

_POINTS = 241


@dataclass(frozen=True)
class TheoryLine:
    """One curve from theory.

    Args:
        name: for the legend.
        metric: name of the metric whose panel it belongs to.
        x: [num_points], dB; on the scenario's own SNR axis, Es/N0 or Eb/N0.
        y: [num_points], in the metric's unit.
        params: what the line is computed with.
        meaning: what the line is, for the report.
    """

    name: str
    metric: str
    x: np.ndarray
    y: np.ndarray
    params: Mapping[str, Any] = field(default_factory=dict)
    meaning: str = ""

    def belongs(self, where: Mapping[str, Any]) -> bool:
        """Whether the line is about a panel's channel: no value of the swept ``air`` contradicts it.

        Args:
            where: values of the swept paths of the panel.

        Example:
            >>> x = np.zeros(1)
            >>> TheoryLine("", "ber", x, x, {"channel": "awgn"}).belongs({"air.channel": "rayleigh"})
            False
        """
        for path, value in where.items():
            if path == "air" and isinstance(value, Mapping):
                facts = value
            elif path.startswith("air."):
                facts = {path.removeprefix("air."): value}
            else:
                continue
            if any(key in self.params and self.params[key] != fact for key, fact in facts.items()):
                return False
        return True


@dataclass(frozen=True)
class Kind:
    """How a type of line is computed.

    Args:
        meaning: what the line is, for the report.
        function: (snr_db, **params) to values.
        bits_per_symbol: params to information bits per complex symbol, which turn Eb/N0 into Es/N0;
            `None` where a line has no rate of its own.
    """

    meaning: str
    function: Callable[..., np.ndarray]
    bits_per_symbol: Callable[[Mapping[str, Any]], float] | None


KINDS: dict[str, Kind] = {
    "uncoded_ber": Kind(
        "exact bit error rate without a code, each symbol decided for the nearest point as max-log demapping "
        "does (Cho and Yoon 2002; Simon and Alouini 2005)",
        theory.bit_error_rate,
        lambda params: params["num_bits_per_symbol"],
    ),
    "normal_approximation": Kind(
        "normal approximation to the block error rate of the best code of this length and rate (Polyanskiy, "
        "Poor and Verdú 2010); it is no bound",
        theory.normal_approximation_bler,
        lambda params: params["rate"],
    ),
    "outage": Kind(
        "probability that a fade leaves less capacity than the rate, which long codes reach in block fading",
        theory.outage_probability,
        lambda params: params["rate"],
    ),
    "ergodic_capacity": Kind(
        "capacity with Gaussian symbols, averaged over the fading",
        theory.ergodic_capacity,
        None,
    ),
}
"""Types of lines, by the ``type`` of a scenario's ``theory`` entry."""


def theory_lines(scenario: "Scenario | Mapping[str, Any]") -> list[TheoryLine]:
    """Compute the theory lines of a scenario.

    A line spans the swept values of ``snr_db`` or ``ebno_db``; where neither is swept it has one
    point, at the fixed value.

    Args:
        scenario: a scenario, or its fields as plain data.

    Raises:
        ValueError: for a type that is not known, and for a line without a rate over an Eb/N0 axis.

    Example:
        >>> line = {"type": "uncoded_ber", "name": "16-QAM", "params": {"num_bits_per_symbol": 4}}
        >>> drawn, = theory_lines({"theory": [line], "sweep": {"snr_db": [0, 10]}})
        >>> drawn.metric, drawn.x[[0, -1]].tolist(), drawn.y[[0, -1]].round(3).tolist()
        ('ber', [0.0, 10.0], [0.287, 0.059])
    """
    from pydantic import TypeAdapter

    from ..schema.theory import Theory

    data = scenario if isinstance(scenario, Mapping) else scenario.model_dump()
    configs = TypeAdapter(tuple[Theory, ...]).validate_python(tuple(data.get("theory", ())))
    if not configs:
        return []
    axis, x = _snr_axis(data)
    return [_line(config, axis, x) for config in configs]


def _line(config: Any, axis: str, x: np.ndarray) -> TheoryLine:
    kind = KINDS[config.type]
    params = config.params.parameters()
    snr_db = x
    if axis == "ebno_db":
        if kind.bits_per_symbol is None:
            raise ValueError(
                f"theory: line {config.name!r} of type {config.type!r} has no rate, so it has no place on an "
                "Eb/N0 axis; sweep snr_db"
            )
        snr_db = x + 10.0 * math.log10(kind.bits_per_symbol(params))
    return TheoryLine(config.name, config.metric, x, kind.function(snr_db, **params), params, kind.meaning)


def _snr_axis(data: Mapping[str, Any]) -> tuple[str, np.ndarray]:
    sweep = data.get("sweep", {})
    for axis in ("snr_db", "ebno_db"):
        if axis in sweep:
            values = [float(value) for value in sweep[axis]]
            return axis, np.unique(np.append(np.linspace(min(values), max(values), _POINTS), values))
    for axis in ("snr_db", "ebno_db"):
        if data.get(axis) is not None:
            return axis, np.array([float(data[axis])])
    raise ValueError("theory: the scenario has neither snr_db nor ebno_db, so there is no axis for its lines")
