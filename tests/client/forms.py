"""Reading a multipart form with the parser the server uses."""

from __future__ import annotations

from typing import Any

from python_multipart.multipart import FormParser, parse_options_header


def parsed_form(content_type: str, content: bytes) -> list[tuple[str, str, bytes]]:
    """``("form", name, value)`` of each field and ``("file", file name, content)`` of each file."""
    kind, options = parse_options_header(content_type)
    assert kind == b"multipart/form-data"
    parts: list[tuple[str, str, bytes]] = []

    def on_field(field: Any) -> None:
        parts.append(("form", field.field_name.decode(), field.value or b""))

    def on_file(file: Any) -> None:
        file.file_object.seek(0)
        parts.append(("file", file.file_name.decode(), file.file_object.read()))
        file.close()

    parser = FormParser(kind.decode(), on_field, on_file, boundary=options[b"boundary"])
    parser.write(content)
    parser.finalize()
    return parts
