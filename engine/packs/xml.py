"""Reads XML from strangers: no DTD, no entities, no network, bounded in size and depth."""

from __future__ import annotations

from typing import Any

from lxml import etree

from engine.errors import ModelRefused, say

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
BPMNDI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
DI = "http://www.omg.org/spec/DD/20100524/DI"
YISHI = "http://yishi.org/schema/1.0"

MAX_BYTES = 5_000_000
MAX_ELEMENTS = 50_000
MAX_DEPTH = 200


def parse(data: bytes, file: str = "", *, blank_text: bool = True) -> Any:
    """-> the root of the XML document `data`, comments kept. ModelRefused with file and line for what is not well-formed,
    has a document type, is too large or nested too deeply. `blank_text=False` drops white space between elements."""
    if len(data) > MAX_BYTES:
        raise ModelRefused(say("The file {file} is larger than {limit} bytes.", file=file, limit=MAX_BYTES), where={"file": file})
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_blank_text=not blank_text
    )
    try:
        root: Any = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ModelRefused(
            say("The file {file} is not well-formed XML: {reason}", file=file, reason=error.msg),
            where={"file": file, "line": error.lineno or 0},
        ) from error
    if root.getroottree().docinfo.doctype:
        raise ModelRefused(
            say("The file {file} has a document type (DOCTYPE), which a model may not have. Remove it.", file=file),
            where={"file": file, "line": 1},
        )
    _measure(root, file)
    return root


def kind(node: Any) -> str:
    """-> the local name of an element of BPMN, "" for anything else."""
    tag = node.tag
    return tag[len(BPMN) + 2 :] if isinstance(tag, str) and tag.startswith("{" + BPMN + "}") else ""


def canonical(data: bytes) -> bytes:
    """-> the canonical form (C14N 2.0) of an XML document, the same for the same content; what is not XML as it is."""
    try:
        return etree.tostring(parse(data), method="c14n2", with_comments=True)
    except (ModelRefused, etree.LxmlError):
        return data


def _measure(root: Any, file: str) -> None:
    stack, count = [(root, 1)], 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise ModelRefused(
                say("The file {file} has too many elements, or they are nested too deeply.", file=file),
                where={"file": file, "line": node.sourceline or 0},
            )
        stack.extend((child, depth + 1) for child in node)
