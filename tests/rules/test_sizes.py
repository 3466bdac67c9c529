"""A module is a page of thought and a function does one thing; both say what they are."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.rules import source

MAX_MODULE_LINES = 350
MAX_FUNCTION_LINES = 60
MAX_CLASS_LINES = 200


@pytest.mark.parametrize("path", source.all_modules(), ids=source.relative)
def test_a_module_is_short(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES


@pytest.mark.parametrize("path", source.all_modules(), ids=source.relative)
def test_a_function_is_short(path: Path):
    long = {
        function.name: n_lines
        for function in source.functions(path)
        if (n_lines := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize("path", source.all_modules(), ids=source.relative)
def test_a_class_is_short(path: Path):
    long = {
        node.name: n_lines
        for node in ast.walk(source.tree(path))
        if isinstance(node, ast.ClassDef)
        and (n_lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_CLASS_LINES
    }
    assert long == {}


@pytest.mark.parametrize("path", source.all_modules(), ids=source.relative)
def test_a_module_says_what_it_is(path: Path):
    assert ast.get_docstring(source.tree(path))
