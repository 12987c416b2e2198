"""The key by which names are sorted: their pinyin, stored, since no database we run on sorts Chinese by itself."""

from __future__ import annotations

# Surnames which read otherwise than the same character elsewhere; two characters before one.
_SURNAMES = {
    "尉迟": "yu chi", "长孙": "zhang sun", "万俟": "mo qi", "澹台": "tan tai", "单于": "chan yu", "令狐": "ling hu",
    "卜": "bu", "查": "zha", "晁": "chao", "车": "che", "谌": "chen", "种": "chong", "储": "chu", "都": "du", "盖": "ge",
    "葛": "ge", "过": "guo", "哈": "ha", "黑": "he", "华": "hua", "纪": "ji", "隽": "juan", "阚": "kan", "缪": "miao",
    "牟": "mu", "那": "na", "乜": "nie", "宁": "ning", "区": "ou", "逄": "pang", "朴": "piao", "繁": "po", "覃": "qin",
    "仇": "qiu", "瞿": "qu", "任": "ren", "撒": "sa", "单": "shan", "折": "she", "召": "shao", "石": "shi", "隗": "wei",
    "冼": "xian", "洗": "xian", "解": "xie", "燕": "yan", "尹": "yin", "员": "yun", "乐": "yue", "曾": "zeng", "翟": "zhai",
    "祭": "zhai", "占": "zhan", "秘": "bi", "柏": "bai", "薄": "bo",
}  # fmt: skip


def syllables(name: str) -> list[str]:
    """-> the pinyin of a person's name without tones, one syllable for each character; other letters stay."""
    from pypinyin import lazy_pinyin  # takes a third of a second, and only those who add people need it

    for length in (2, 1):
        reading = _SURNAMES.get(name[:length])
        if reading is not None:
            return [*reading.split(), *lazy_pinyin(name[length:])]
    return lazy_pinyin(name)


def sort_key(name: str) -> str:
    """-> what `Person.sort_key` holds: the pinyin, then the name, so that equal readings keep an order."""
    return f"{' '.join(syllables(name)).lower()} {name}"[:200]
