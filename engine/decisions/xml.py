"""Reading DMN files: one hardened parser, and elements by local name, since each version has its own namespace."""

from lxml import etree

from engine.feel.sentences import say

from .errors import ModelError

MAX_BYTES = 5_000_000


def read(source: bytes):
    """The root element `definitions`. Raises ModelError. No entities, no DTD, no network."""
    if len(source) > MAX_BYTES:
        raise ModelError(say("expected a file of at most {0} bytes", MAX_BYTES))
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
                             remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(source, parser)
    except etree.XMLSyntaxError as error:
        raise ModelError(say("the file is no XML: {0}", error)) from None
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise ModelError("a document type is not allowed")
    if kind(root) != "definitions":
        raise ModelError(say("expected “definitions” but found “{0}”", kind(root)))
    return root


def kind(element) -> str:
    return etree.QName(element).localname


def children(element, *names) -> list:
    return [child for child in element if isinstance(child.tag, str) and kind(child) in names]


def child(element, *names):
    """The first child of one of these names, or None."""
    found = children(element, *names)
    return found[0] if found else None


def text(element, name: str = "text") -> str | None:
    """The text of the child `text`, or None if there is none."""
    found = None if element is None else child(element, name)
    return None if found is None else (found.text or "")


def type_ref(element) -> str | None:
    """`typeRef`: an attribute since DMN 1.2, before a child of items and an attribute elsewhere."""
    if element is None:
        return None
    found = element.get("typeRef") or text(element, "typeRef")
    return found.strip() if found and found.strip() else None
