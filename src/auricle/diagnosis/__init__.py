"""What a machine has, what would be used of it, and what stands in the way."""
