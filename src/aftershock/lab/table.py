"""The table of stages as text, in Markdown: to be read in a terminal and pasted into a document.  Pure."""

from .report import COLUMNS, Report, cells_of


def table(report: Report) -> str:
    rows = [list(COLUMNS), *(cells_of(outcome) for outcome in report.outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    first, *rest = (
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    )
    rule = "| " + " | ".join("-" * width for width in widths) + " |"
    return "\n".join((first, rule, *rest))
