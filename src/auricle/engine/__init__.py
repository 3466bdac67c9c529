"""The network run in processes of their own: windows are encoded, encoded windows decoded."""
