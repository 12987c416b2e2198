"""Reading DMN files: one hardened parser, and elements by local name, since each version has its own namespace."""

from __future__ import annotations

from typing import Any

from lxml import etree

from engine.errors import ModelRefused, Sentence
from engine.feel.sentences import say

# An element as lxml gives it.
Node = Any

MAX_BYTES = 5_000_000
MAX_DEPTH = 80


def read(source: bytes, file: str) -> Node:
    """The root element `definitions` of a DMN file. No entities, no DTD, no network.

    Raises ModelRefused where it is too large, no XML, has a document type, is nested too deeply or is no DMN.
    """
    if len(source) > MAX_BYTES:
        raise ModelRefused(say("expected a file of at most {limit} bytes", limit=MAX_BYTES), where={"file": file})
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
                             remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(source, parser, base_url=file)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise ModelRefused(say("the file is no XML: {error}", error=getattr(error, "msg", error)),
                           where={"file": file, "line": line}) from None
    tree: Any = root.getroottree()
    if tree.docinfo.doctype:
        raise ModelRefused(say("a document type is not allowed"), where={"file": file, "line": 1})
    if kind(root) != "definitions":
        raise ModelRefused(say("expected “definitions” but found “{found}”", found=kind(root)), where=place(root))
    _refuse_depth(root)
    return root


def place(element: Node) -> dict[str, Any]:
    """Where an element is: file, line, and the id or name of the nearest element that has one."""
    known = element
    while known is not None and not (known.get("id") or known.get("name")):
        known = known.getparent()
    named = None if known is None else known.get("id") or known.get("name")
    return {"file": element.getroottree().docinfo.URL or "", "line": element.sourceline, "element": named}


def kind(element: Node) -> str:
    """The element's name without its namespace."""
    return str(etree.QName(element).localname)


def children(element: Node, *names: str) -> list[Node]:
    """The children of these names, in the order of the file."""
    return [child for child in element if isinstance(child.tag, str) and kind(child) in names]


def child(element: Node, *names: str) -> Node | None:
    """The first child of one of these names, or None."""
    found = children(element, *names)
    return found[0] if found else None


def text(element: Node | None, name: str = "text") -> str | None:
    """The text of the child `text`, or None if there is none."""
    found = None if element is None else child(element, name)
    return None if found is None else (found.text or "")


def type_ref(element: Node | None) -> str | None:
    """`typeRef`: an attribute since DMN 1.2, before a child of items and an attribute elsewhere."""
    if element is None:
        return None
    found = element.get("typeRef") or text(element, "typeRef")
    return found.strip() if found and found.strip() else None


def _refuse_depth(root: Node) -> None:
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            sentence: Sentence = say("expected at most {limit} levels of nesting", limit=MAX_DEPTH)
            raise ModelRefused(sentence, where=place(element))
