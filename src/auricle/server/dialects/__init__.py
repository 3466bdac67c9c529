"""What clients of other services expect where it is not what OpenAI's clients do."""
