"""Measures a speech-to-text server from outside: load, latency, accuracy, processor and memory.

The distribution ``auricle-bench``: what ``auricle bench`` and ``auricle evaluate`` run, and
``measurements``, which remakes the figures of ``bench/README.md`` and stays in the checkout.
"""
