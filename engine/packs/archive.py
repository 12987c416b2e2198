"""One file for a pack: a zip whose bytes depend on its content alone, and a door that lets no hostile archive in.

Python's `zipfile` lists `../../evil`, links and a bomb of a thousand to one without complaint; so every member is judged by what
the directory says of it before one byte is read, and read no further than it may be long.
"""

from __future__ import annotations

import io
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath

from engine.errors import ModelRefused, Sentence, say

from .pack import MAX_FILE, MAX_FILES, MAX_TOTAL, is_lawful_name

MAX_ARCHIVE = 20_000_000
MAX_RATIO = 100
_SMALL = 20_000
"""Below this a member may be packed as tightly as it likes."""
_ENCRYPTED, _UTF8 = 0x1, 0x800


def build(files: Mapping[str, bytes]) -> bytes:
    """-> the archive of `files` {path: content}: sorted, with one date, not compressed, since no two versions of the
    compressor promise the same bytes. ModelRefused for a name that `unpack` would not take."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            if not is_lawful_name(path):
                raise _refused(say("{file} is not a name that a file of a pack may have.", file=path), path)
            member = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            member.create_system, member.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            archive.writestr(member, files[path])
    return buffer.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """-> the files of an archive by path, for `from_files`. ModelRefused, with the member's name, for whatever is no plain
    archive of plain files: too large or too many, packed suspiciously tightly, encrypted, links and devices, names that lead
    out of the pack or are twice there (also when only the case of letters differs), names that are not UTF-8."""
    if len(data) > MAX_ARCHIVE:
        raise _refused(say("The archive is larger than {limit} bytes.", limit=MAX_ARCHIVE))
    if not data.startswith((b"PK\x03\x04", b"PK\x05\x06")):  # also refuses what hides an archive behind something else
        raise _refused(say("This is not a zip archive."))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not _is_folder(member)]
            _check(members)
            return {member.filename: _read(archive, member) for member in members}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, OSError) as error:
        raise _refused(say("The archive is damaged: {reason}", reason=error)) from error


def _check(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_FILES:
        raise _refused(say("A pack may have {limit} files at most.", limit=MAX_FILES))
    seen: dict[str, str] = {}
    for member in members:
        name = member.orig_filename
        if not is_lawful_name(name) or name != member.filename:
            raise _refused(say("{file} is not a name that a file of a pack may have.", file=name), name)
        if not name.isascii() and not member.flag_bits & _UTF8:
            raise _refused(say("The name {file} is not written in UTF-8.", file=name), name)
        if member.flag_bits & _ENCRYPTED:
            raise _refused(say("{file} is encrypted, which a pack may not be.", file=name), name)
        mode = member.external_attr >> 16 if member.create_system == 3 else 0
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise _refused(say("{file} is no plain file, but a link or a device.", file=name), name)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refused(say("{file} is packed in a way that is not read here.", file=name), name)
        if member.file_size > MAX_FILE:
            raise _refused(say("The file {file} is larger than {limit} bytes.", file=name, limit=MAX_FILE), name)
        if member.file_size > _SMALL and member.file_size > MAX_RATIO * member.compress_size:
            raise _refused(say("{file} is packed so tightly that it looks like a bomb.", file=name), name)
        plain = _plain(name)
        if plain in seen:
            raise _refused(say("{file} and {other} are the same name.", file=name, other=seen[plain]), name)
        seen[plain] = name
    for plain, name in seen.items():
        if any(str(folder) in seen for folder in PurePosixPath(plain).parents):
            raise _refused(say("{file} lies in a file, not in a folder.", file=name), name)
    if sum(member.file_size for member in members) > MAX_TOTAL:
        raise _refused(say("A pack may have {limit} bytes at most.", limit=MAX_TOTAL))


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as file:
        content = file.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise _refused(say("{file} is not as long as the archive says.", file=member.filename), member.filename)
    return content


def _is_folder(member: zipfile.ZipInfo) -> bool:
    """An entry for a folder says nothing: the paths of the files do."""
    return member.orig_filename.endswith("/") and not member.file_size and is_lawful_name(member.orig_filename[:-1])


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _refused(sentence: Sentence, name: str = "") -> ModelRefused:
    return ModelRefused(sentence, where={"file": name})
