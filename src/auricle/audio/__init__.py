"""From a file of any kind to windows of speech."""
