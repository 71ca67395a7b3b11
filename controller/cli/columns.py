"""Rows of plain text in columns."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Each row as a line; all columns but the last are padded.  Rows must be equally long."""
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    return [
        gap.join(
            cell.ljust(width) if number < len(row) - 1 else cell
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
