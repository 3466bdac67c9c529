"""Programs that remake the figures of ``bench/README.md``; not part of the package."""
