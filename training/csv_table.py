"""Tables as CSV, the form in which docs/results keeps them."""

import csv
import io


def as_csv(table: list[dict[str, str]], command: str) -> str:
    """Return a table as CSV, with the command that made it in a comment at the top; ValueError where it has no row."""
    if not table:
        raise ValueError("There is no row to write.")
    stream = io.StringIO()
    stream.write(f"# {command}\n")
    writer = csv.DictWriter(stream, fieldnames=list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return stream.getvalue()
