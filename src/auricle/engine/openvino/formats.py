"""Which number formats a model is computed in on this processor.

Knows nothing about graphs.
"""

from __future__ import annotations

from auricle.engine import machine
from auricle.engine.openvino import compiled
from auricle.engine.openvino.shape import COMPUTE_TYPES, EXACT, Formats
from auricle.errors import ModelUnusable


def chosen(compute_type: str) -> Formats:
    """The formats behind a name of the setting ``compute_type``.

    Raises:
        ModelUnusable: OpenVINO has no such format on processors.
    """
    if compute_type not in ("auto", *COMPUTE_TYPES):
        raise ModelUnusable(
            f"OpenVINO does not compute in {compute_type} here; use one of auto, "
            f"{', '.join(COMPUTE_TYPES)}, or engine = ctranslate2"
        )
    if compute_type == "float32":
        return EXACT
    has_bf16 = "BF16" in compiled.capabilities()
    if compute_type == "bfloat16":
        return Formats(
            encoder_int8=False,
            encoder_bf16=True,
            decoder_int8=False,
            shared_bf16=True,
            remembered_f16=True,
        )
    has_units = machine.has_matrix_units()
    fast = compute_type != "int8_float32" and has_bf16
    # with matrix units, bfloat16 is faster than 8 bits and exacter
    return Formats(
        encoder_int8=not (fast and has_units),
        encoder_bf16=fast,
        decoder_int8=True,
        shared_bf16=fast,
        remembered_f16=fast,
        keys_by_state=not (fast and has_units),
    )
