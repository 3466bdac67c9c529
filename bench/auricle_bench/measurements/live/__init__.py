"""Live sessions measured with a simulated clock."""
