"""Any data set of the Hugging Face hub, through the ``datasets`` library."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...linklevel.validation import check_choice, check_range, nearest
from .base import OnError
from .indexed import Entry, Indexed, Numbers
from .media import image_of, one_channel, sound_of
from .stores import UnreadableError

INPUTS = ("image", "text", "question", "hint", "audio", "choices")
FIELDS = (*INPUTS, "references", "family", "id", "cluster")


class HubDataset(Indexed):
    """A data set by its hub id, https://huggingface.co/docs/datasets; needs the package ``datasets``.

    Layout: any that ``datasets.load_dataset`` reads, such as parquet files with columns of images
    (decoded by Pillow) or audio (decoded here, through soundfile). Class labels become their names.
    Licence: that of the data set, stated on its page.

    Args:
        id: such as "HuggingFaceM4/the_cauldron", or a format that ``datasets`` builds from files
            ("parquet", "json", ...) with ``data_files``.
        columns: which column becomes which part of a sample: image, text, question, hint, audio,
            choices, references, family, id, cluster; ``extra.<name>`` puts a column into
            ``extra``. Dots in a column's name enter a record ("texts.0.user").
        config: name of a configuration.
        split: as on the hub.
        streaming: fetch rows while they are asked for, in order; needs ``limit``.
        limit: only the first so many rows.
        data_files: local files, for an ``id`` that is a format.
        revision: commit, branch or tag; state a commit for results that are to be repeated.
        sampling_rate: of audio, Hz; `None` keeps each row's. A change is noted in ``extra``.
        on_error: "refuse" or "skip" broken rows.
        check_media: read every row when the data set is built.

    Raises:
        ImportError: if ``datasets`` is not installed.
        ValueError: if the hub cannot be reached and nothing is in the cache, or a column is unknown.
    """

    name = "hub"

    def __init__(
        self,
        *,
        id: str,
        columns: Mapping[str, str],
        config: str | None = None,
        split: str = "test",
        streaming: bool = False,
        limit: int | None = None,
        data_files: str | Sequence[str] | None = None,
        revision: str | None = None,
        sampling_rate: int | None = None,
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.name, self.split, self.sampling_rate = id, split, sampling_rate
        self.columns = _checked(columns)
        if streaming and limit is None:
            raise ValueError("limit: None given; with streaming it must say how many rows there are to be")
        if limit is not None:
            check_range("limit", limit, 1, integer=True)
        loaded = _load(id, config, split, streaming, data_files, revision)
        self.features = loaded.features
        self._check_columns(loaded.column_names)
        self._rows: Any = _Stream(loaded, limit or 0) if streaming else loaded
        count = len(self._rows) if limit is None else min(limit, len(self._rows))
        self.records = range(count)
        self.clusters = Numbers()
        self.finish(id)

    def _check_columns(self, have: Sequence[str] | None) -> None:
        for target, column in self.columns.items():
            first = column.partition(".")[0]
            if have and first not in have:
                close = nearest(first, have)
                hint = f"; did you mean {close!r}?" if close else ""
                raise ValueError(f"columns: {target}: {self.name} has no column {first!r}, but {', '.join(have)}{hint}")

    def entry(self, record: int) -> Entry:
        """Return a row's entry; its media are taken from the row again when they are read."""
        row = self._rows[record]
        found = {field: self._value(row, column) for field, column in self.columns.items()}
        references = _texts(found.get("references"))
        if "references" in found and not references:
            raise UnreadableError(f"row {record} of {self.split}", f"column {self.columns['references']!r} is empty")
        inputs = {field: found[field] for field in INPUTS if field in found}
        media = {field: str(record) for field in ("image", "audio") if inputs.pop(field, None) is not None}
        if "choices" in inputs:
            inputs["choices"] = _texts(inputs["choices"])
        return Entry(
            id=str(found.get("id", record)),
            cluster=self.clusters[str(found["cluster"])] if "cluster" in found else record,
            inputs=inputs,
            references=references,
            family=str(found.get("family", "")),
            extra={field.partition(".")[2]: found[field] for field in found if field.startswith("extra.")},
            media=media,
        )

    def _value(self, row: Mapping[str, Any], column: str) -> Any:
        value: Any = row
        for part in column.split("."):
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise UnreadableError(f"column {column!r}", f"the row has no {part!r}") from error
        names = getattr(self.features.get(column), "names", None) if self.features else None
        return names[value] if names and isinstance(value, int) and value >= 0 else value

    def medium(self, kind: str, name: str, extra: dict[str, Any]) -> Any:
        """Decode the image or audio of a row, as the hub stores it."""
        value = self._value(self._rows[int(name)], self.columns[kind])
        where = f"row {name}, column {self.columns[kind]!r}"
        if not isinstance(value, Mapping) or (value.get("bytes") is None and value.get("path") is None):
            raise UnreadableError(where, f"a {type(value).__name__}, no {kind}")
        data = value["bytes"] if value.get("bytes") is not None else _content(value["path"], where)
        if kind == "image":
            return image_of(data, where)
        samples, rate = sound_of(data, where)
        mono, changed = one_channel(samples, rate, self.sampling_rate, where)
        extra.update(changed)
        return mono


class _Stream:
    """Rows that arrive in order and are kept, so that any that has arrived can be read again."""

    def __init__(self, rows: Any, count: int) -> None:
        self._source: Iterator[Any] = iter(rows)
        self._kept: list[Any] = []
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Any:
        while len(self._kept) <= index:
            try:
                self._kept.append(next(self._source))
            except StopIteration:
                raise UnreadableError(f"row {index}", f"the stream ended after {len(self._kept)} rows") from None
        return self._kept[index]


def _load(id: str, config: str | None, split: str, streaming: bool, data_files: Any, revision: str | None) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise ImportError(f"hub id {id!r}: needs the package datasets: pip install datasets") from error
    try:
        loaded = datasets.load_dataset(
            id,
            config,
            split=split,
            streaming=streaming,
            data_files=list(data_files) if isinstance(data_files, tuple) else data_files,
            revision=revision,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{id}: cannot be loaded ({type(error).__name__}: {error}). Offline? Run it once online, so that it "
            "is in the cache (HF_HOME), or download it and use the reader of its official format with a path"
        ) from error
    for column, feature in (loaded.features or {}).items():
        if isinstance(feature, (datasets.Image, datasets.Audio)):
            loaded = loaded.cast_column(column, type(feature)(decode=False))
    return loaded


def _checked(columns: Mapping[str, str]) -> dict[str, str]:
    """Return a column mapping whose keys are known and which has an input."""
    for target in columns:
        if not target.startswith("extra."):
            check_choice("columns", target, FIELDS)
    if not any(field in columns for field in INPUTS):
        raise ValueError(f"columns: {dict(columns)!r} maps no input; give one of {', '.join(INPUTS)}")
    return dict(columns)


def _texts(value: Any) -> tuple[str, ...]:
    """Return one or several references or choices as text, without empty ones."""
    if value is None:
        return ()
    several = value if isinstance(value, (list, tuple, np.ndarray)) else [value]
    return tuple(str(one) for one in several if str(one).strip())


def _content(path: str, where: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UnreadableError(where, error.strerror or str(error)) from error
