"""From a window of pcm to text with times, in a process of its own."""
