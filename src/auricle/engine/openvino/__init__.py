"""Whisper in OpenVINO: graphs made from a model's weights, and the loop that decodes with them."""
