"""Whether a speaker who pauses has finished, told by a model."""
