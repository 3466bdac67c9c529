"""From a file of any kind to pcm, in processes of their own."""
