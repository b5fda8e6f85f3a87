"""The page at /docs: the routes of a server, without scripts or anything from elsewhere, so that it works offline."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

_STYLE = (
    ":root { color-scheme: light dark }"
    " body { font: 1rem/1.5 sans-serif; max-width: 60rem; margin: auto; padding: 1rem }"
    " h2 { font-size: 1rem; margin-top: 2rem } pre { overflow-x: auto }"
)


def docs_page(description: dict[str, Any]) -> str:
    """Return an OpenAPI `description` as HTML."""
    title = escape(description["info"]["title"])
    return "\n".join([
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>",
        '<p>The same for programs: <a href="openapi.json">openapi.json</a></p>',
        *_routes(description["paths"]),
        *_schemas(description.get("components", {}).get("schemas", {})),
        "</body>\n</html>\n",
    ])  # fmt: skip


def _routes(paths: dict[str, Any]) -> Iterator[str]:
    for path, operations in paths.items():
        for method, operation in operations.items():
            yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
            yield f"<p>{escape(operation.get('description', ''))}</p>\n<ul>"
            for parameter in operation.get("parameters", []):
                yield f"<li><code>{escape(parameter['name'])}</code>, in the {escape(parameter['in'])}</li>"
            if "requestBody" in operation:
                yield f"<li>takes {_content(operation['requestBody'])}</li>"
            for status, answer in operation["responses"].items():
                yield f"<li>{escape(status)}: {escape(answer['description'])} {_content(answer)}</li>"
            yield "</ul>"


def _content(message: dict[str, Any]) -> str:
    return ", ".join(
        f"<code>{escape(kind)}</code> {_link(form.get('schema', {}))}".rstrip()
        for kind, form in message.get("content", {}).items()
    )


def _link(schema: dict[str, Any]) -> str:
    name = escape(schema.get("$ref", "").rpartition("/")[2])
    return f'<a href="#{name}">{name}</a>' if name else ""


def _schemas(schemas: dict[str, Any]) -> Iterator[str]:
    for name, schema in schemas.items():
        yield f'<h2 id="{escape(name)}">{escape(name)}</h2>'
        yield f"<pre>{escape(json.dumps(schema, indent=2, ensure_ascii=False))}</pre>"
