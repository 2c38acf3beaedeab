"""What a training logs: JSON lines, and TensorBoard's events where it is installed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .tensors import save_text

NAME = "log.jsonl"


class Log:
    """Writes ``log.jsonl`` and, where tensorboard is installed, ``tensorboard/``.

    Lines are ``{"stage", "step", "total_step", ...}``. What was logged after the checkpoint that a
    training goes on from is dropped, since it comes again.

    Args:
        folder: of the training.
        total_step: steps over all stages that are done.
        tensorboard: whether to write TensorBoard's events; `None` if it is installed.
    """

    def __init__(self, folder: Path, total_step: int, tensorboard: bool | None = None) -> None:
        self._path = folder / NAME
        kept = [line for line in read_log(folder) if line["total_step"] <= total_step]
        save_text(self._path, "".join(json.dumps(line) + "\n" for line in kept))
        self._file = self._path.open("a", encoding="utf-8")
        self._board = _writer(folder / "tensorboard", total_step, tensorboard)

    def write(self, stage: str, step: int, total_step: int, values: Mapping[str, float]) -> None:
        """Write one line."""
        line = {"stage": stage, "step": step, "total_step": total_step, **values}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{stage}/{name}", value, total_step)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def read_log(folder: str | Path) -> list[dict[str, Any]]:
    """Return the lines of a training's log; a last line that was cut off is left out."""
    path, lines = Path(folder) / NAME, []
    if path.exists():
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                break
    return lines


def _writer(folder: Path, total_step: int, wanted: bool | None) -> Any:
    if wanted is False:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        if wanted:
            raise ValueError("tensorboard: True given, but it is not installed; pip install tensorboard") from error
        return None
    return SummaryWriter(str(folder), purge_step=total_step + 1)
