"""Rows of plain text in columns."""

from collections.abc import Sequence

from controller.printable import one_line


def table(*rows: Sequence[str]) -> str:
    """The rows as aligned lines; the first one may be a header."""
    return "\n".join(aligned(rows))


def aligned(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Each row as a line; all columns but the last are padded.  Rows must be equally long.

    A line end in a cell is escaped, so that no cell can add a row.
    """
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    return [
        gap.join(
            cell.ljust(width) if number < len(row) - 1 else cell
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
