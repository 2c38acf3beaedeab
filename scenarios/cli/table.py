"""Tables of text."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine.results import Results
    from ..figures.numbers import Cell


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return columns as wide as they need, the first to the left, the others to the right.

    Example:
        >>> print(text_table(["SNR", "BER"], [["0", "0.1"], ["10", "0.02"]]))
        SNR   BER
        0     0.1
        10   0.02
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        ).rstrip()
        for line in lines
    )


def print_table(results: "Results") -> None:
    """Print each metric's estimates with their intervals: a row for each point, a column for each scheme."""
    from ..figures.numbers import metric_tables

    print(f"intervals: {100 * results.level:g} %")
    for table in metric_tables(results):
        shown = [s for s in range(len(table.schemes)) if any(cells[s] is not None for _, cells in table.rows)]
        print(f"\n{table.title}{f' ({table.note})' if table.note else ''}")
        print(
            text_table(
                [table.axis, *(table.schemes[s] for s in shown)],
                [[label, *(_cell(cells[s]) for s in shown)] for label, cells in table.rows],
            )
        )
    print()


def _cell(cell: "Cell | None") -> str:
    return "" if cell is None else f"{cell.value} [{cell.low}, {cell.high}]"
