"""A terminal of a few lines: what somebody would see."""

from __future__ import annotations

import io
import re

_CODES = re.compile("\x1b\\[(\\d*)([AJm])|(\r)|(\n)|([^\x1b\r\n])", re.DOTALL)


class Terminal(io.StringIO):
    """``rows`` is what it shows; dim characters stand in brackets. Anything but text and the codes
    of captions is an error."""

    def __init__(self) -> None:
        super().__init__()
        self._cells: list[list[tuple[str, bool]]] = [[]]
        self._row = self._column = 0
        self._is_dim = False

    def write(self, text: str) -> int:
        at = 0
        for match in _CODES.finditer(text):
            assert match.start() == at, f"an unknown code: {text[at:]!r}"
            at = match.end()
            self._take(*match.groups())
        assert at == len(text)
        return len(text)

    def _take(
        self, number: str | None, code: str | None, back: str | None, down: str | None, shown: str
    ) -> None:
        if code == "A":
            self._row -= int(number or 1)
            assert self._row >= 0, "above the screen"
        elif code == "J":
            del self._cells[self._row + 1 :]
            del self._cells[self._row][self._column :]
        elif code == "m":
            self._is_dim = number == "2"
        elif back:
            self._column = 0
        elif down:
            self._row, self._column = self._row + 1, 0
            if self._row == len(self._cells):
                self._cells.append([])
        else:
            row = self._cells[self._row]
            row[self._column : self._column + 1] = [(shown, self._is_dim)]
            self._column += 1

    @property
    def rows(self) -> list[str]:
        rows = []
        for cells in self._cells:
            text = "".join(f"[{shown}]" if is_dim else shown for shown, is_dim in cells)
            rows.append(text.replace("][", ""))
        return rows
