"""What the operating system gives and limits: memory, processor time, folders, small files."""
