#!/usr/bin/env python3
"""Writes src/tokens/unicode_ranges.inc: which characters are letters, marks, numbers and white space.

    tools/make_unicode_ranges.py            (needs: pip install unicodedata2==16.0.0)

The version is the one that tiktoken 0.14 is compiled with: with another one, some thousand rare characters are cut
apart elsewhere, and their tokens differ. Python's own unicodedata on Debian 12 is of 14.0, its package unicode-data of
15.0. Only the first character of each range is written; a range ends where the next begins.
"""

import sys
from pathlib import Path

OUTPUT = Path(__file__).resolve().parent.parent / "src/tokens/unicode_ranges.inc"
VERSION = "16.0.0"
CLASSES = {"Lu": "upper", "Lt": "upper", "Ll": "lower", "Lm": "letter", "Lo": "letter", "M": "mark", "N": "number"}
# White_Space (PropList.txt), which no general category says: U+0085 is in it and U+FEFF is not.
WHITE_SPACE = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F,
               0x3000}
PER_LINE = 6


def main() -> int:
    try:
        import unicodedata2
    except ImportError:
        sys.exit(f"make_unicode_ranges: pip install unicodedata2=={VERSION}")
    if unicodedata2.unidata_version != VERSION:
        sys.exit(f"make_unicode_ranges: unicodedata2 is {unicodedata2.unidata_version}, wanted {VERSION}")

    def class_of(code_point: int) -> str:
        if code_point in WHITE_SPACE:
            return "space"
        category = unicodedata2.category(chr(code_point))
        return CLASSES.get(category) or CLASSES.get(category[0], "other")

    ranges, last = [], None
    for code_point in range(0x110000):
        if (found := class_of(code_point)) != last:
            ranges.append(f"{{0x{code_point:X}, {found}}},")
            last = found
    lines = [" ".join(ranges[i:i + PER_LINE]) for i in range(0, len(ranges), PER_LINE)]
    OUTPUT.write_text(f"// Unicode {VERSION}: the first character of each range, and its class. "
                      "Written by tools/make_unicode_ranges.py.\n" + "\n".join(lines) + "\n")
    print(f"{OUTPUT.name}: {len(ranges)} ranges of Unicode {VERSION}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
