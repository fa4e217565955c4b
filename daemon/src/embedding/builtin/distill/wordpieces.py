"""Writes ../wordpieces.json: texts and their pieces by the reference
tokenizer, which the Rust tests hold the daemon's tokenizer to.

    python wordpieces.py FOLDER_WITH_TOKENIZER_JSON
"""

import json
import pathlib
import random
import sys
import unicodedata

from tokenizers import Tokenizer

WRITTEN = """
Fix panic in `Runner::start` when config.toml is missing (closes #1234)
See !567, group/sub-project!89 and https://gitlab.example.com/a/b/-/issues/3#note_4
NullPointerException at org.apache.Foo.bar(Foo.java:42)
snake_case CamelCase SCREAMING_SNAKE kebab-case dotted.path/with/slashes
C++ C# F# .NET node.js @types/node v1.2.3-rc.1+build.5 0xDEADBEEF 1e-9
it's don't we'll rock'n'roll l'été ‘quoted’ “words” „tief“ «guillemets» ‹einzeln›
Straße GROSS Größe ÀÉÎÕÜ àéîõü ñ Ñ ç Ç ø Ø å Å ł Ł đ Đ ß ẞ İstanbul ılık
e\u0301 a\u0308 o\u0302\u0323 \u1e69 s\u0323\u0307 ﬁ ﬂ ﬀ ½ ² ³ ™ © ® № ℃ K Å
Привет мир ЁЖИК ёжик й Й Ελληνικά ΣΊΣΥΦΟΣ ς σ עִבְרִית العربيّة हिन्दी ไทย
日本語のテキスト、カタカナとひらがな。 中文字符！ 한국어 텍스트 が ガ 豈 更 𠀀 𪜀 𫝀 𫠠
emoji 😀 👩‍👩‍👧 🏳️‍🌈 👍🏽 ❤️ ✓ ✗ → ⇒ … – — ― ‐ ‑ • · ¡ ¿ § ¶ † ‡ ‰ ′ ″ ⁄ € £ ¥ ₿
zero\u200bwidth soft\u00adhyphen no\u00a0break thin\u2009space ideographic\u3000space bom\ufeff
tab\there line\nbreak carriage\rreturn crlf\r\nend vt\x0bff\x0cnel\x85ls\u2028ps\u2029end
nul\x00byte bell\x07 esc\x1b[31mred\x1b[0m del\x7f repl\ufffdacement priv\ue000ate
![](image.png) **bold** _italic_ ~~struck~~ `code` > quote | a | b | - [x] done
$HOME ${VAR} $(cmd) %PATH% {{ template }} <tag attr="v"> &amp; &#39; \\n \\\\ ^caret~tilde
""".strip().splitlines()


def texts():
    yield from WRITTEN
    yield from ["", " ", "\n", "a", "#", "##", "###a", "a##b", "'", "_", "a" * 100, "a" * 101, "é" * 100, "é" * 101]
    yield from ["unaffable" * 11, "unaffable" * 12, "x" * 99 + "é", "-" * 120]
    random.seed(5)
    scalars = [c for c in range(1, 0x30000) if not 0xD800 <= c < 0xE000]
    named = [c for c in scalars if unicodedata.category(chr(c)) != "Cn"]
    # Every character below U+0250 and a sample of the others, inside a word,
    # between words, and among others of its kind.
    for code in [*range(1, 0x250), *random.sample(named, 400)]:
        c = chr(code)
        yield f"Ab{c}cd {c} {c}{c}e"
    for _ in range(60):
        at = random.randrange(len(named) - 12)
        yield "".join(map(chr, named[at : at + 12]))


def main():
    folder = pathlib.Path(sys.argv[1])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    cases = {text: tokenizer.encode(text, add_special_tokens=False).tokens for text in texts()}
    lines = [f"{json.dumps(text)}: {json.dumps(pieces)}" for text, pieces in sorted(cases.items())]
    out = pathlib.Path(__file__).parent.parent / "wordpieces.json"
    out.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(len(cases), "texts")


main()
