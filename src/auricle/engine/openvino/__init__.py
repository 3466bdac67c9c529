"""Whisper in OpenVINO: graphs made from a model's weights, and the loop that decodes with them."""

from auricle.system import lean_openvino

lean_openvino.leave_out_converter()
