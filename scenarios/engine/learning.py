"""Learning curves as results: the logged loss of each scheme's training against its steps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..schema import trained
from .plan import compared
from .results import MetricInfo, Results

if TYPE_CHECKING:
    from ..schema import Scenario

STEP = "step"
"""Path of the axis of steps, beside the swept ones."""

LOSS = MetricInfo("loss", scale="linear", better="low")


def learning_curves(scenario: "Scenario", fingerprint: str = "") -> Results:
    """Return the loss of the last stage of each scheme's training, as its card or its log has it.

    Schemes that take the weights of another one in the figure have no curve of their own.

    A value is the mean over the steps since the point before; it has no interval.

    Args:
        scenario: of ``figure: training``, whose weights are all there.
        fingerprint: of the scenario and the versions.

    Returns:
        the swept points that trainings differ at, each at every step that any scheme has.

    Raises:
        NotTrainedError: for weights that are nowhere.
        ValueError: for a scheme that is not trained, or weights that come without a learning curve.
    """
    names = _drawn(scenario)
    swept = _apart(scenario, names)
    found = {(name, p): _curve(point, name) for p, (point, _) in enumerate(swept) for name in names}
    ordered = sorted({(p, step) for (_, p), rows in found.items() for step in rows})
    places = {place: number for number, place in enumerate(ordered)}
    value = np.full((len(names), len(ordered), 1), np.nan)
    for (name, p), rows in found.items():
        for step, loss in rows.items():
            value[names.index(name), places[p, step], 0] = loss
    shape, nothing = value.shape[:2], np.full_like(value, np.nan)
    return Results(
        name=scenario.name, schemes=names, points=tuple({**swept[p][1], STEP: step} for p, step in ordered),
        metrics=(LOSS,), value=value, low=nothing, high=nothing.copy(), count=value.copy(),
        total=np.where(np.isnan(value), np.nan, 1.0), snr_db=np.full(shape, np.nan),
        num_batches=np.zeros(shape, np.int64), num_items=np.zeros(shape, np.int64),
        stopped_by=np.full(shape, "", dtype=object), scenario=scenario.model_dump_json(), fingerprint=fingerprint,
    )  # fmt: skip


def _drawn(scenario: "Scenario") -> tuple[str, ...]:
    """Return the schemes whose curves are drawn: not those that take the weights of another one of them."""
    names = [scheme.name for scheme in compared(scenario)]
    sources = {name: _source(scenario, name).name for name in names}
    return tuple(name for name in names if sources[name] == name or sources[name] not in names)


def _apart(scenario: "Scenario", names: Sequence[str]) -> "list[tuple[Scenario, dict[str, Any]]]":
    """Return the first of the swept points that have the same trainings, each with the values that tell it apart."""
    first: dict[tuple[str, ...], Any] = {}
    for point in scenario.points():
        first.setdefault(tuple(_key(point.scenario, name) for name in names), point)
    points = list(first.values())
    paths = [path for path in points[0].values if any(p.values[path] != points[0].values[path] for p in points)]
    return [(point.scenario, {path: point.values[path] for path in paths}) for point in points]


def _source(scenario: "Scenario", name: str) -> Any:
    """Return the scheme whose training makes a scheme's weights.

    Raises:
        ValueError: for a scheme that is not trained.
    """
    scheme: Any = scenario.scheme(name)
    if not getattr(scheme, "trains", False):
        raise ValueError(f"figure: 'training' given, but scheme {name!r} is not trained here")
    return trained.source_of(scenario, scheme)


def _key(scenario: "Scenario", name: str) -> str:
    """Return the key of the training that makes a scheme's weights."""
    return trained.key_of(scenario, _source(scenario, name))


def _curve(scenario: "Scenario", name: str) -> dict[int, float]:
    """Return the loss of a scheme by step."""
    scheme: Any = scenario.scheme(name)
    source = trained.source_of(scenario, scheme)
    curves = _curves(_key(scenario, name), name)
    rows = curves.get(source.training.stages[-1].name)  # type: ignore[union-attr]
    if not rows or not rows["step"]:
        raise ValueError(
            f"figure: 'training' given, but the weights of scheme {name!r} come without a learning curve; train them"
            " again with the same command"
        )
    return dict(zip(map(int, rows["step"]), rows["loss"], strict=True))


def _curves(key: str, name: str) -> Any:
    from ...models.training.card import curve
    from ...models.training.log import read_log

    path = trained.find(key)
    if path is None:
        raise trained.NotTrainedError(f"weights of {name!r} are missing; make them with tokencom train")
    return trained.card_beside(path).get("curve") or curve(read_log(path.parent))
