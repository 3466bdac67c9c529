"""Other servers on the weights Auricle reads, to measure beside it."""
