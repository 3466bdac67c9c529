"""OpenVINO comes without what it would import for nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("openvino")


def test_nothing_that_converts_or_reports_is_imported():
    script = """if True:
        import sys
        import auricle.speakers.compiled
        import auricle.engine.openvino.compiled
        assert "openvino" in sys.modules
        unasked = [name for name in sys.modules if name.startswith("openvino_telemetry")]
        assert not unasked, unasked
        assert sys.modules["openvino.tools.ovc"] is None
    """
    subprocess.run([sys.executable, "-c", script], check=True)
