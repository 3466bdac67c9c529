"""A module is a page of thought and a function does one thing; both say what they are."""

from __future__ import annotations

import ast

from tests.rules import source

MAX_MODULE_LINES = 350
MAX_FUNCTION_LINES = 60
MAX_CLASS_LINES = 200
MAX_TERMS = 30


def n_lines(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def test_a_module_is_short():
    lengths = {
        source.relative(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in source.all_modules()
    }
    assert {name: n for name, n in lengths.items() if n > MAX_MODULE_LINES} == {}


def test_a_function_is_short():
    lengths = {
        (source.relative(path), function.name): n_lines(function)
        for path in source.all_modules()
        for function in source.functions(path)
    }
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


def test_a_class_is_short():
    lengths = {
        (source.relative(path), node.name): n_lines(node)
        for path in source.all_modules()
        for node in source.nodes(path)
        if isinstance(node, ast.ClassDef)
    }
    assert {name: n for name, n in lengths.items() if n > MAX_CLASS_LINES} == {}


def test_a_module_says_what_it_is():
    silent = [
        source.relative(path)
        for path in source.all_modules()
        if not ast.get_docstring(source.tree(path))
    ]
    assert silent == []


def test_the_glossary_is_short():
    page = (source.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    _, _, glossary = page.partition("## Glossary")
    _, *terms = (line for line in glossary.split("## ")[0].splitlines() if line.startswith("| "))
    assert len(terms) <= MAX_TERMS
