"""The register as an XLSX file: written for a spreadsheet, and read back with suspicion.

A file comes from anywhere. Before openpyxl sees it: at most 10 MB, a ZIP with few parts that unfold to little, no macros,
and no XML with a document type or in another encoding than UTF-8. Nothing in it is computed.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from io import BytesIO
from itertools import islice
from typing import NamedTuple
from zlib import error as BrokenDeflate

import openpyxl
import xlsxwriter

from engine.errors import Invalid, Sentence, say

LARGEST = 10 * 1024 * 1024
LARGEST_UNFOLDED = 40 * 1024 * 1024
MOST_PARTS = 200
MOST_ROWS = 3000
HEADINGS = ("编号 No.", "姓名 Name", "电话 Telephone", "单位代码 Unit code", "角色 Role", "任职单位代码 Unit code of the role",
            "起 First day", "止 Last day")  # fmt: skip
"""Both languages, so that a file written for one reader is understood from every other."""


class Row(NamedTuple):
    """One line of the file as texts: its number there, and a cell for each of HEADINGS; days as year-month-day."""

    line: int
    number: str
    name: str
    phone: str
    unit: str
    role: str
    place: str
    starts: str
    ends: str


def write(rows: Iterable[Sequence[str]]) -> bytes:
    """-> the file with HEADINGS and these rows. Every cell is text: what begins with = stays what somebody typed."""
    out = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("花名册")
        text = book.add_format({"num_format": "@"})
        sheet.set_column(0, len(HEADINGS) - 1, 18, text)
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, HEADINGS, book.add_format({"bold": True}))
        for place, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                sheet.write_string(place, column, cell, text)
    return out.getvalue()


def read(content: bytes) -> list[Row]:
    """-> the rows of the first sheet that are not empty. Invalid with a problem under `file` for everything that is not a
    plain table with HEADINGS."""
    _inspect(content)
    try:
        book = openpyxl.load_workbook(BytesIO(content), read_only=True, data_only=False, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        lines = list(islice(sheet.iter_rows(max_col=len(HEADINGS) + 1, max_row=MOST_ROWS + 2), MOST_ROWS + 2))
    except Exception as broken:  # openpyxl answers a damaged file with whatever went wrong first
        why = say("The file cannot be read as a table. Save it as .xlsx in your spreadsheet and send it again.")
        raise _refused(why) from broken
    if not lines or [_text(cell.value) for cell in lines[0]][: len(HEADINGS)] != list(HEADINGS):
        why = say("The first row does not have the headings of the register. Download the register and fill in that file.")
        raise _refused(why)
    if len(lines) > MOST_ROWS + 1:
        raise _refused(say("The file has more than {count} rows. Divide it.", count=MOST_ROWS))
    rows = []
    for number, cells in enumerate(lines, 1):
        if any(cell.data_type == "f" for cell in cells):
            raise _refused(say("Row {row} holds a formula. Put the plain value there.", row=number))
        values = [_text(cell.value) for cell in cells]
        if len(values) > len(HEADINGS) and values[len(HEADINGS)]:
            raise _refused(say("Row {row} has something beyond the last column. Remove it.", row=number))
        padded = (values + [""] * len(HEADINGS))[: len(HEADINGS)]
        if number > 1 and any(padded):
            rows.append(Row(number, *padded))
    return rows


def _inspect(content: bytes) -> None:
    if len(content) > LARGEST:
        raise _refused(say("The file is larger than 10 MB. A register is much smaller."))
    try:
        with zipfile.ZipFile(BytesIO(content)) as parts:
            inside = parts.infolist()
            names = {part.filename for part in inside}
            if "xl/workbook.xml" not in names or "[Content_Types].xml" not in names:
                raise _refused(say("This is not an .xlsx file. Save it as .xlsx in your spreadsheet and send it again."))
            if any("vba" in name.lower() or name.startswith("xl/embeddings") for name in names):
                raise _refused(say("The file holds macros or other files. Save it as plain .xlsx without them."))
            if len(inside) > MOST_PARTS or sum(part.file_size for part in inside) > LARGEST_UNFOLDED:
                raise _refused(say("The file unfolds to far more than a register holds, and has not been opened."))
            for part in inside:
                if part.filename.endswith((".xml", ".rels", ".vml")):
                    _inspect_xml(parts.read(part))
    except (zipfile.BadZipFile, BrokenDeflate, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as broken:
        raise _refused(say("This is not an .xlsx file. Save it as .xlsx in your spreadsheet and send it again.")) from broken


def _inspect_xml(text: bytes) -> None:
    encoding = re.search(rb"encoding\s*=\s*[\"']([^\"']+)", text[:200])
    plain = b"\0" not in text and (encoding is None or encoding[1].lower() in (b"utf-8", b"us-ascii"))
    if not plain or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise _refused(say("The file holds declarations that no spreadsheet writes, and has not been opened."))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()[:200]


def _refused(why: Sentence) -> Invalid:
    return Invalid(say("The file has not been taken over."), {"file": why})
