"""What the graphs of one model look like: its dimensions, and the number formats they compute in.

Knows nothing about OpenVINO.
"""

from __future__ import annotations

from dataclasses import dataclass

from auricle.models.weights import Weights

COMPUTE_TYPES = ("int8", "int8_float32", "bfloat16", "float32")
"""Number formats that can be asked for, on every processor."""


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Of one model's weights."""

    width: int
    n_mels: int
    n_heads: int
    n_encoder_layers: int
    n_decoder_layers: int
    n_tokens: int
    end_of_text: int
    """All tokens before it are text; special ones and timestamps follow."""
    alignment_heads: tuple[tuple[int, int], ...]
    """``(layer, head)`` of the decoder whose attention is told."""

    @property
    def head_width(self) -> int:
        return self.width // self.n_heads

    @classmethod
    def of(
        cls, weights: Weights, end_of_text: int, alignment_heads: tuple[tuple[int, int], ...]
    ) -> Dimensions:
        """As the weights have them.

        Raises:
            ModelUnusable: there are no such weights.
        """
        width, n_mels = weights.shape("encoder/conv1/weight")[:2]
        return cls(
            width=width,
            n_mels=n_mels,
            n_heads=weights.number("decoder/num_heads"),
            n_encoder_layers=weights.layers("encoder"),
            n_decoder_layers=weights.layers("decoder"),
            n_tokens=weights.shape("decoder/embeddings/weight")[0],
            end_of_text=end_of_text,
            alignment_heads=alignment_heads,
        )


@dataclass(frozen=True, slots=True)
class Formats:
    """Number formats: what is fast, and still right, differs between processors."""

    encoder_int8: bool
    """The encoder's weights in 8 bits, multiplied with activations that are rounded by groups."""
    encoder_bf16: bool
    """The rest of the encoder in bfloat16."""
    decoder_int8: bool
    shared_bf16: bool
    """The keys and values of cross-attention, which all beams of a window share, in bfloat16."""

    remembered_f16: bool = False
    """The keys and values of self-attention, which each beam has of its own, in float16."""

    keys_by_state: bool = True
    """Whether a state's keys lie together, or those of one dimension of all states: which is
    multiplied faster differs between processors."""

    @property
    def name(self) -> str:
        """What users know it by."""
        rest = "bfloat16" if self.encoder_bf16 else "float32"
        return f"int8_{rest}" if self.decoder_int8 else rest


EXACT = Formats(encoder_int8=False, encoder_bf16=False, decoder_int8=False, shared_bf16=False)
"""float32 throughout."""
