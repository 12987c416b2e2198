"""Packs: everything a district may change about a procedure, as files; read, checked, drawn, told in words and archived.

    pack = packs.read(Path("processes/yizheng_sanyi"))      # or from_files, or unpack(archive) first
    packs.lint(pack)                                         # [Finding], every one with file, line and element
    packs.outline(pack.models["procedure.bpmn"])             # the procedure in words
    pack.parameters.context(clock.today())                   # what an instance freezes when it starts

Refusals are `ModelRefused`. See README.md.
"""

from .archive import build, unpack
from .layout import extend, layout
from .lint import Finding, findings_of, lint
from .outline import outline
from .pack import Norm, Pack, closure, from_files, read, shipped
from .parameters import Parameters
from .picture import svg

__all__ = [
    "Finding",
    "Norm",
    "Pack",
    "Parameters",
    "build",
    "closure",
    "extend",
    "findings_of",
    "from_files",
    "layout",
    "lint",
    "outline",
    "read",
    "shipped",
    "svg",
    "unpack",
]
