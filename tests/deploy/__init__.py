"""What deploy/ has, tried with the tools of those who use it."""
