"""``results.h5``: results that any HDF5 reader understands."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .errors import RunError
from .files import replace_file
from .results import MetricInfo, Results

FORMAT = 1
ARRAYS = ("value", "low", "high", "count", "total")
TABLES = ("snr_db", "num_batches", "num_items")
WORDS = ("stopped_by", "units")
TEXT = h5py.string_dtype()

UNITS = {"delay_spread": "s", "carrier_frequency": "Hz", "subcarrier_spacing": "Hz", "speed": "m/s"}


def unit_of(path: str) -> str:
    """Return the unit of a swept path, from the name of its field; empty if it has none.

    Example:
        >>> unit_of("snr_db"), unit_of("air.channel.speed"), unit_of("task.num_bits")
        ('dB', 'm/s', '')
    """
    field = path.rsplit(".", 1)[-1]
    return "dB" if field.endswith("_db") else UNITS.get(field, "")


def save(results: Results, path: Path) -> None:
    """Write results to a temporary file beside ``path``, then rename it.

    ```
    /value, /low, /high, /count, /total   [scheme, point, metric]   float64
    /snr_db, /num_batches, /num_items, /stopped_by, /units   [scheme, point]
    /scheme, /metric   names; /metric has the attributes unit, scale, better
    /point/<swept path>   [point]; attribute unit; JSON text where values are no numbers
    ```

    Raises:
        RunError: if the file cannot be written; an older one stays.
    """
    with replace_file(path) as temporary, h5py.File(temporary, "w", track_order=True) as file:
        file.attrs.update(
            format=FORMAT, name=results.name, level=results.level, fingerprint=results.fingerprint
        )
        file.create_dataset("scenario", data=results.scenario, dtype=TEXT)
        file.create_dataset("scheme", data=list(results.schemes), dtype=TEXT)
        _save_metrics(file, results)
        _save_points(file, results)
        for name in ARRAYS:
            dataset = file.create_dataset(name, data=getattr(results, name))
            _label(dataset, ("scheme", "point", "metric"))
        for name in TABLES:
            _label(file.create_dataset(name, data=getattr(results, name)), ("scheme", "point"))
        file["snr_db"].attrs["unit"] = "dB"
        for name in WORDS:
            words = getattr(results, name)
            if words is not None:
                _label(file.create_dataset(name, data=words.astype(object), dtype=TEXT), ("scheme", "point"))


def _save_metrics(file: h5py.File, results: Results) -> None:
    dataset = file.create_dataset("metric", data=[m.name for m in results.metrics], dtype=TEXT)
    for attribute in ("unit", "scale", "better"):
        values = [getattr(metric, attribute) for metric in results.metrics]
        dataset.attrs.create(attribute, np.array(values, dtype=object), dtype=TEXT)


def _save_points(file: h5py.File, results: Results) -> None:
    group = file.create_group("point", track_order=True)
    group.attrs["num_points"] = len(results.points)
    for path in results.points[0] if results.points else ():
        values = [point[path] for point in results.points]
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
            whole = all(isinstance(v, int) for v in values)
            dataset = group.create_dataset(path, data=np.array(values, np.int64 if whole else np.float64))
        else:
            dataset = group.create_dataset(path, data=[json.dumps(v) for v in values], dtype=TEXT)
        dataset.attrs["unit"] = unit_of(path)


def _label(dataset: h5py.Dataset, names: tuple[str, ...]) -> None:
    for dimension, name in zip(dataset.dims, names, strict=True):
        dimension.label = name


def load(path: Path) -> Results:
    """Read what :func:`save` wrote.

    Raises:
        RunError: naming the file, if it is missing, damaged or of another format.
    """
    if not path.exists():
        raise RunError(f"{path}: there are no results here; `tokencom run` writes them")
    try:
        with h5py.File(path, "r") as file:
            found = file.attrs.get("format")
            if found != FORMAT:
                text = f"{path}: results of format {found}, this version reads format {FORMAT}"
                raise RunError(f"{text}; run the scenario again")
            return _load(file)
    except (OSError, KeyError, ValueError) as error:
        raise RunError(f"{path}: not a results file of a finished run ({error})") from error


def _load(file: h5py.File) -> Results:
    metric = file["metric"]
    attributes = (metric.attrs[name] for name in ("unit", "scale", "better"))
    infos: Any = zip(metric.asstr()[:], *attributes, strict=True)
    return Results(
        name=str(file.attrs["name"]),
        schemes=tuple(file["scheme"].asstr()[:]),
        points=_load_points(file["point"]),
        metrics=tuple(MetricInfo(*info) for info in infos),
        stopped_by=file["stopped_by"].asstr()[:],
        units=file["units"].asstr()[:] if "units" in file else None,
        level=float(file.attrs["level"]),
        scenario=file["scenario"].asstr()[()],
        fingerprint=str(file.attrs["fingerprint"]),
        **{name: file[name][:] for name in (*ARRAYS, *TABLES)},
    )


def _load_points(group: h5py.Group) -> tuple[dict[str, Any], ...]:
    columns: dict[str, list[Any]] = {}
    for path, dataset in group.items():
        if dataset.dtype.kind in "if":
            columns[path] = dataset[:].tolist()
        else:
            columns[path] = [json.loads(text) for text in dataset.asstr()[:]]
    count = int(group.attrs["num_points"])
    return tuple({path: values[i] for path, values in columns.items()} for i in range(count))
