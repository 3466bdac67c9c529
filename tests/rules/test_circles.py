"""No module imports itself by way of others, in whichever folders they are."""

from __future__ import annotations

import graphlib

from tests.rules import source


def test_no_circle_of_imports() -> None:
    paths = {source.dotted(path): path for path in source.all_modules()}
    graph = {
        name: {module for _, module in source.imported(path) if module in paths} - {name}
        for name, path in paths.items()
    }
    try:
        order = tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as exc:
        raise AssertionError(f"a circle of imports: {' → '.join(exc.args[1])}") from None
    assert len(order) == len(paths)
