"""Keeps OpenVINO from importing what nobody here asks it for.

Knows nothing about what it is used for. Must be called before OpenVINO is imported.
"""

from __future__ import annotations

import sys


def leave_out_converter() -> None:
    """Have it do without what converts the models of other libraries, and reports on that to its
    makers: 10 MB and 60 ms of every process."""
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
