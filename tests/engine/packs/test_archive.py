"""One file for a pack: the same bytes for the same content, and a corpus of archives that mean harm."""

import io
import stat
import struct
import zipfile

import pytest

from engine import packs
from engine.errors import ModelRefused

MANIFEST = b"pack: visits\ntitle: Visits\nversion: 1.0.0\n"


def archive(*members, compression=zipfile.ZIP_DEFLATED):
    """An archive of (name or ZipInfo, content), as careless or malicious tools make them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for name, content in members:
            made.writestr(name, content, compress_type=compression)
    return buffer.getvalue()


def special(name, mode):
    member = zipfile.ZipInfo(name)
    member.create_system, member.external_attr = 3, mode << 16
    return member


def renamed(data, old, new):
    assert len(old) == len(new)
    return data.replace(old, new)


def encrypted():
    data = bytearray(archive(("pack.yaml", MANIFEST)))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(signature) + at
        data[place] |= 1
    return bytes(data)


def shorter_than_it_says():
    data = bytearray(archive(("a.md", b"x" * 50), compression=zipfile.ZIP_STORED))
    central = data.find(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 90)
    return bytes(data)


HOSTILE = {
    "parent folder": (archive(("../evil.md", b"")), "not a name", "../evil.md"),
    "parent folder within": (archive(("a/../../evil.md", b"")), "not a name", "a/../../evil.md"),
    "absolute": (archive(("/etc/cron.md", b"")), "not a name", "/etc/cron.md"),
    "backslash": (renamed(archive(("a+evil.md", b"")), b"a+evil", b"a\\evil"), "not a name", "a\\evil.md"),
    "drive": (archive(("C:/evil.md", b"")), "not a name", "C:/evil.md"),
    "empty part": (archive(("a//evil.md", b"")), "not a name", "a//evil.md"),
    "dot": (archive(("./evil.md", b"")), "not a name", "./evil.md"),
    "line end in a name": (archive(("a\nb.md", b"")), "not a name", "a\nb.md"),
    "nought in a name": (renamed(archive(("good.md+evil", b"")), b"md+evil", b"md\0evil"), "not a name", "good.md\0evil"),
    "too deep": (archive(("a/b/c/d/e/f/g.md", b"")), "not a name", "a/b/c/d/e/f/g.md"),
    "too long a name": (archive(("a" * 300 + ".md", b"")), "not a name", "a" * 300 + ".md"),
    "link": (archive((special("link.md", stat.S_IFLNK | 0o777), b"/etc/passwd")), "a link or a device", "link.md"),
    "device": (archive((special("null.md", stat.S_IFCHR | 0o666), b"")), "a link or a device", "null.md"),
    "bomb": (archive(("zeros.md", b"\0" * 4_000_000)), "bomb", "zeros.md"),
    "too large": (archive(("big.md", b"\0" * 5_000_001)), "larger than", "big.md"),
    "too many": (archive(*((f"{n}.md", b"") for n in range(501))), "500 files at most", ""),
    "by case": (archive(("a.md", b""), ("A.md", b"")), "the same name", "A.md"),
    "by composition": (archive(("\u00e9.md", b""), ("e\u0301.md", b"")), "the same name", "e\u0301.md"),
    "file as folder": (archive(("a.md", b""), ("a.md/b.md", b"")), "lies in a file", "a.md/b.md"),
    "encrypted": (encrypted(), "encrypted", "pack.yaml"),
    "another compression": (archive(("a.md", b"x"), compression=zipfile.ZIP_BZIP2), "not read here", "a.md"),
    "not UTF-8": (renamed(archive(("axb.md", b"")), b"axb", b"a\xe9b"), "UTF-8", "aΘb.md"),
    "wrong length": (shorter_than_it_says(), "", ""),
    "damaged content": (renamed(archive(("a.md", b"hello"), compression=zipfile.ZIP_STORED), b"hello", b"hullo"), "damaged", ""),
    "hidden behind a picture": (b"\x89PNG" + archive(("a.md", b"")), "not a zip", ""),
    "cut off": (archive(("a.md", b"hello"))[:-9], "damaged", ""),
    "no archive": (b"hello", "not a zip", ""),
    "nothing": (b"", "not a zip", ""),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_with_the_name_of_the_member(case):
    data, words, member = HOSTILE[case]
    with pytest.raises(ModelRefused) as caught:
        packs.unpack(data)
    assert words in str(caught.value)
    if member:
        assert caught.value.where["file"] == member


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_twice_there_is_refused():
    with pytest.raises(ModelRefused, match="the same name"):
        packs.unpack(archive(("a.md", b"1"), ("a.md", b"2")))


def test_an_archive_that_is_too_large_is_not_even_opened():
    with pytest.raises(ModelRefused, match="The archive is larger"):
        packs.unpack(b"PK\x03\x04" + b"\0" * 20_000_000)


def test_the_same_content_gives_the_same_bytes():
    files = {"pack.yaml": MANIFEST, "procedure.bpmn": b"<x/>", "forms/说明.md": "好".encode()}
    backwards = dict(reversed(files.items()))
    assert packs.build(files) == packs.build(backwards)
    assert packs.unpack(packs.build(files)) == files


def test_what_an_ordinary_tool_packs_is_read():
    made = archive(("scenarios/", b""), ("pack.yaml", MANIFEST), ("visit.md", "走访".encode() * 400))
    assert set(packs.unpack(made)) == {"pack.yaml", "visit.md"}


def test_every_shipped_pack_goes_through_an_archive_unchanged():
    for pack in packs.shipped():
        again = packs.from_files(packs.unpack(packs.build(pack.files)))
        assert again.content_hash == pack.content_hash


def test_what_could_not_be_unpacked_is_not_built():
    with pytest.raises(ModelRefused, match="not a name"):
        packs.build({"../a.md": b""})
