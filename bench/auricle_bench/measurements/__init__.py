"""Programs that remake the figures of ``bench/README.md``; they stay in the checkout."""
