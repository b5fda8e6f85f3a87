"""Read small XML files without trusting them: no entities, no external parts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.parsers import expat


class XmlError(ValueError):
    """The XML cannot be used."""


@dataclass
class Element:
    """An element; names are without their namespaces."""

    name: str
    attributes: Mapping[str, str]
    text: str = ""
    """The text directly in it."""


def elements_of(data: bytes) -> list[Element]:
    """Return the elements of an XML document in order; raise XmlError if it is malformed or declares entities.

    A document type is ignored and nothing outside is opened.
    """
    found: list[Element] = []
    opened: list[Element] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        element = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        found.append(element)
        opened.append(element)

    def text(data: str) -> None:
        opened[-1].text += data

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: opened.pop()
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmlError(f"is malformed: {error}") from error
    except (LookupError, ValueError) as error:
        raise XmlError(str(error)) from error
    return found


def named(elements: list[Element], name: str) -> Iterator[Element]:
    """Yield the elements with a name."""
    return (element for element in elements if element.name == name)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _refuse_entity(*_: object) -> None:
    raise XmlError("declares entities, which could expand without end or name files outside")
