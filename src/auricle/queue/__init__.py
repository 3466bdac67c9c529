"""The queue of one model: who may come in, whose turn it is, and what runs on the engine."""
