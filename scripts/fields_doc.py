"""Write the table of request fields in ``docs/api.md`` from `auricle.fields`, or check it.

Knows nothing about any one field.

    python scripts/fields_doc.py          write
    python scripts/fields_doc.py --check  exit 1 when the table differs
"""

from __future__ import annotations

import sys
from pathlib import Path

from auricle.fields.field import Field
from auricle.fields.table import FIELDS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
BEGIN, END = "<!-- fields: python scripts/fields_doc.py -->\n", "<!-- end of fields -->\n"


def table() -> str:
    """The rows, with the line that names the columns."""
    rows = ["| Field | Value | Default | Meaning |", "|---|---|---|---|"]
    return "\n".join(rows + [_row(field) for field in FIELDS]) + "\n"


def written(page: str) -> str:
    """The page with the table as it should be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _row(field: Field) -> str:
    default = ""
    if field.is_setting:
        default = f"the setting `{field.name}`"
    elif field.is_required:
        default = "required"
    elif field.default is not None and field.default != ():
        default = f"`{_shown(field.default)}`"
    cells = (f"`{field.form_name}`", field.kind.text, default, field.description)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _shown(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(str(item) for item in default)
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(written(page), encoding="utf-8")
    elif page != written(page):
        print(f"{PAGE.name} is out of date: run `python scripts/fields_doc.py`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
