"""Tuning text out of package archives: prose, never code.

Reads .deb, .tgz, .whl and .crate files as they come from the registries and
yields short pieces of English: paragraphs, list items, doc comments, glosses.
"""

import gzip
import hashlib
import html
import io
import json
import lzma
import random
import re
import tarfile
import zipfile

# No single package may decide what the table learns.
PIECES_PER_PACKAGE = 9000
PIECES_PER_CRATE = 400
# Short glosses of everyday English, of which software's texts have little.
PIECES_OF_WORDNET = 25000

LINE_COMMENT = re.compile(r"(?:^[ \t]*//[/!] ?[^\n]*\n)+", re.M)
BLOCK_COMMENT = re.compile(r"/\*\*(.*?)\*/", re.S)
DOCSTRING = re.compile(r'^[ \t]+[rRuU]?"""(.*?)"""', re.S | re.M)
FENCE = re.compile(r"^([ \t]*)(```|~~~).*?^[ \t]*\2[^\n]*$", re.S | re.M)
BLOCK_TAG = re.compile(
    r"</?(?:p|li|ul|ol|dl|dt|dd|h[1-6]|div|td|th|tr|table|section|blockquote|br|article|paragraph|emph)\b[^>]*>",
    re.I,
)
DROPPED = re.compile(
    r"<(script|style|pre|head|nav|footer|svg|code class=.highlight)\b.*?</\1[^>]*>", re.S | re.I
)
TAG = re.compile(r"<[^>]{1,400}>")
LINK = re.compile(r"!?\[([^\]]{0,300})\]\([^)]{0,600}\)")
REFERENCE = re.compile(r"!?\[([^\]]{1,200})\]\[[^\]]{0,200}\]")
ROLE = re.compile(r":[\w:+-]+:`~?([^`<]{1,200})(?:<[^`]*>)?`")
ENGLISH = re.compile(
    r"\b(?:the|a|an|to|of|is|are|in|for|and|when|not|with|on|that|this|be|from|if|it|by|or|as|now|fix|fixed|add|added|no)\b",
    re.I,
)


def packages(path):
    """Yields (member name, bytes) of every file of one archive."""
    name = path.name
    if name.endswith(".deb"):
        yield from deb(path.read_bytes())
    elif name.endswith((".tgz", ".crate")):
        yield from tar(tarfile.open(path, "r:gz"))
    elif name.endswith(".whl"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                yield info.filename, archive.read(info)


def deb(data):
    at = 8
    while at + 60 <= len(data):
        member = data[at : at + 16].decode().strip().rstrip("/")
        size = int(data[at + 48 : at + 58])
        body = data[at + 60 : at + 60 + size]
        if member.startswith("data.tar"):
            raw = lzma.decompress(body) if member.endswith("xz") else body
            mode = "r:" if member.endswith(("xz", "tar")) else "r:gz"
            yield from tar(tarfile.open(fileobj=io.BytesIO(raw), mode=mode))
        at += 60 + size + size % 2


def tar(archive):
    with archive:
        for member in archive:
            if member.isfile() and member.size < 40_000_000:
                yield member.name, archive.extractfile(member).read()


def pieces_of(name, data):
    """Lists the pieces of prose of one file, each a list of paragraphs."""
    lower = name.lower()
    if lower.endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except OSError:
            return
        lower = lower[:-3]
    base = lower.rsplit("/", 1)[-1]
    if base.startswith(("license", "licence", "copying", "copyright", "authors", "contributors")):
        return
    if re.search(r"/dict/(data\.\w+)$", lower) or re.search(r"wordnet.*/data\.(noun|verb|adj|adv)$", lower):
        for line in data.decode("latin-1").splitlines():
            head, bar, gloss = line.partition("| ")
            if bar and not line.startswith("  "):
                fields = head.split()
                words = [w.replace("_", " ") for w in fields[4 : 4 + 2 * int(fields[3], 16) : 2]]
                yield [", ".join(words) + ": " + gloss.strip()]
        return
    if len(data) > 12_000_000 and not lower.endswith(".json"):
        return
    text = data.decode("utf-8", "replace")
    if lower.endswith((".html", ".htm", ".xhtml", ".xhp", ".tree")):
        yield prose(unmarked(text))
    elif lower.endswith((".md", ".markdown", ".rst", ".txt")) or base.startswith(
        ("changelog", "changes", "news", "readme", "release", "history")
    ):
        yield prose(text)
    elif lower.endswith(".rs"):
        for match in LINE_COMMENT.finditer(text):
            yield prose(re.sub(r"^[ \t]*//[/!] ?", "", match.group(), flags=re.M))
    elif lower.endswith((".d.ts", ".js", ".ts", ".erl", ".ex", ".java")) and ".min." not in lower:
        for match in BLOCK_COMMENT.finditer(text):
            comment = re.sub(r"^[ \t]*\* ?", "", match.group(1), flags=re.M)
            yield prose(re.split(r"^\s*@", comment, maxsplit=1, flags=re.M)[0])
    elif lower.endswith(".py") and "/test" not in lower:
        for match in DOCSTRING.finditer(text):
            yield prose(re.split(r"^\s*(?::param|Args:|Parameters|Example)", match.group(1), maxsplit=1, flags=re.M)[0])
    elif lower.endswith(("service-2.json", "service-2.json")) or "service-2.json" in base:
        for match in re.finditer(r'"documentation":"((?:[^"\\]|\\.){30,4000})"', text):
            yield prose(unmarked(json.loads('"' + match.group(1) + '"')))


def unmarked(text):
    text = DROPPED.sub("\n\n", text)
    text = BLOCK_TAG.sub("\n\n", text)
    return html.unescape(TAG.sub("", text))


def prose(text):
    """Paragraphs and list items of marked-down text, code left out."""
    text = FENCE.sub("\n\n", text)
    text = LINK.sub(r"\1", text)
    text = REFERENCE.sub(r"\1", text)
    text = ROLE.sub(r"\1", text)
    text = re.sub(r"^\s*(?:[-*+•]|\d+[.)]|#+|=+|-+|\.\.)\s+", "\n\n", text, flags=re.M)
    text = re.sub(r"^[ \t]*[=\-~^\"'`*#+|]{3,}[ \t]*$", "\n", text, flags=re.M)
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        line = " ".join(paragraph.split()).replace("``", "").replace("**", "").strip("`*_ |>")
        line = re.sub(r"https?://\S+", "", line)
        if acceptable(line):
            found.append(line)
    return found


def acceptable(line):
    if not 12 <= len(line) <= 4000:
        return False
    letters = sum(c.isascii() and (c.isalpha() or c == " ") for c in line)
    if letters < 0.78 * len(line):
        return False
    words = line.count(" ") + 1
    if words < 3:
        return False
    return words < 6 or len(ENGLISH.findall(line)) >= 1


def collect(paths, seed=7):
    """All texts: paragraphs, sentences, and runs of paragraphs, plus pairs of
    an opening and what follows it. Deterministic for a list of archives."""
    random.seed(seed)
    seen = set()
    texts, pairs = [], []
    for path in sorted(paths, key=lambda p: p.name):
        own = []
        for name, data in packages(path):
            for paragraphs in pieces_of(name, data):
                own.append(paragraphs)
        random.shuffle(own)
        limit = PIECES_PER_CRATE if path.name.endswith(".crate") else PIECES_PER_PACKAGE
        if path.name.startswith("wordnet"):
            limit = PIECES_OF_WORDNET
        taken = 0
        for paragraphs in own:
            if taken >= limit:
                break
            for opening, rest in openings(paragraphs):
                if fresh(seen, opening + rest):
                    pairs.append((len(texts), len(texts) + 1))
                    texts += [opening, rest]
                    taken += 2
            for text in spans(paragraphs):
                if taken < limit and fresh(seen, text):
                    texts.append(text)
                    taken += 1
        print(f"{path.name}: {taken}", flush=True)
    return texts, pairs


def fresh(seen, text):
    key = hashlib.blake2b(re.sub(r"\W|\d", "", text.lower()).encode(), digest_size=8).digest()
    if key in seen:
        return False
    seen.add(key)
    return True


def openings(paragraphs):
    """First sentence and what follows: title and body as they are written
    for software."""
    body = " ".join(paragraphs[:4])
    parts = re.split(r"(?<=[.!?:]) (?=[A-Z])", body, maxsplit=1)
    if len(parts) == 2 and 20 <= len(parts[0]) <= 140 and len(parts[1]) >= 60 and random.random() < 0.5:
        yield parts[0], parts[1][:600]


def spans(paragraphs):
    """Every fourth or so piece is long, as a description is."""
    index = 0
    while index < len(paragraphs):
        if random.random() < 0.15:
            yield "\n".join(paragraphs[index : index + 4])[:700]
            index += 4
        else:
            yield paragraphs[index][:700]
            index += 1
