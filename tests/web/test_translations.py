"""Chinese first and English second, both complete: every sentence in code, templates and scripts has its Chinese words."""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "web/translations/zh_Hans_CN/LC_MESSAGES/messages.po"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "lazy_gettext": None, "say": None}
PLACES = re.compile(r"%\((\w+)\)|\{(\w+)\}")


def test_every_sentence_has_its_chinese_words() -> None:
    catalogue = _catalogue()
    missing = [key for key in _said() if not _words(catalogue, key)]
    assert missing == []


def test_no_sentence_is_kept_that_nobody_says() -> None:
    said = _said()
    kept = [message.id if isinstance(message.id, str) else message.id[0] for message in _catalogue() if message.id]
    assert [key for key in kept if key not in said] == []


def test_what_goes_into_a_sentence_is_named_in_both_languages_alike() -> None:
    wrong = []
    for message in _catalogue():
        english = message.id if isinstance(message.id, tuple) else (message.id,)
        chinese = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and not _places(" ".join(chinese)) <= _places(" ".join(english)):
            wrong.append(english[0])
    assert wrong == []


def _catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh_Hans_CN")


def _said() -> set[str]:
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, methods, options, KEYWORDS)
    return {ids[0] if isinstance(ids, tuple) else ids for _, _, ids, _, _ in found}


def _words(catalogue: Catalog, key: str) -> str:
    message = catalogue.get(key)
    words = message.string if message is not None else ""
    return words if isinstance(words, str) else words[0]


def _places(text: str) -> set[str]:
    return {a or b for a, b in PLACES.findall(text)}
