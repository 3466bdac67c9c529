"""Whisper in OpenVINO: graphs made from a model's weights, and the loop that decodes with them."""

import sys

# What converts the models of other libraries, which OpenVINO can do without, takes 10 MB and 60 ms.
sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
