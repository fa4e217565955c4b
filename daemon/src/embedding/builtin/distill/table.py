"""The table: where it starts, how it is tuned, how it is written."""

import struct

import numpy as np
import scipy.sparse as sp

DIMENSION = 256
# Smooth inverse frequency, with a piece's rank in the vocabulary for its
# frequency (Zipf).
SIF = 1e-4
# Chosen on held-out openings and what follows them, never on labelled sets.
SETTINGS = {
    "epochs": 12,
    "batch": 1024,
    "rate": 0.003,
    "temperature": 0.05,
    "ranking": 1.0,
    "contrast": 0.6,
}


def start(teacher, projection, pieces):
    """Each piece alone as the teacher sees it, rare ones weighted up."""
    ids = [[101, piece, 102] for piece in pieces]
    alone = teacher.embed(ids).astype(np.float32) @ projection
    ranks = np.arange(2, len(pieces) + 2)
    frequency = 1 / (ranks * np.log(len(pieces)))
    return alone * (SIF / (SIF + frequency))[:, None].astype(np.float32)


def projection_of(vectors):
    """The directions in which the teacher's vectors of texts differ most,
    through the origin: cosines are to stay what they are."""
    moments = np.zeros((384, 384))
    for at in range(0, len(vectors), 8192):
        part = vectors[at : at + 8192].astype(np.float32)
        moments += part.T @ part
    values, directions = np.linalg.eigh(moments)
    kept = np.argsort(values)[::-1][:DIMENSION]
    print(f"projection keeps {values[kept].sum() / values.sum():.4f}", flush=True)
    return directions[:, kept].astype(np.float32)


def counts(ids_of_texts, row_of_id, rows):
    """The root of how often each row occurs in each text: the tenth `.` of a
    stack trace says less than the first."""
    lengths = [len(ids) for ids in ids_of_texts]
    columns = row_of_id[np.concatenate([np.asarray(ids, np.int32) for ids in ids_of_texts])]
    texts = np.repeat(np.arange(len(lengths)), lengths)
    known = columns >= 0
    data = np.ones(known.sum(), np.float32)
    matrix = sp.csr_matrix((data, (texts[known], columns[known])), shape=(len(lengths), rows))
    matrix.sum_duplicates()
    return matrix.sqrt()


def unit(x):
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.maximum(lengths, 1e-9), np.maximum(lengths, 1e-9)


def through_unit(gradient, v, lengths):
    """The gradient before scaling to length one, but for a common factor."""
    return (gradient - (gradient * v).sum(1, keepdims=True) * v) / lengths


def softmax(x):
    x = x - x.max(1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(1, keepdims=True)
    return x


class Adam:
    def __init__(self, table):
        self.first = np.zeros_like(table)
        self.second = np.zeros_like(table)
        self.steps = 0

    def step(self, table, gradient, rate):
        self.steps += 1
        self.first += np.float32(0.1) * (gradient - self.first)
        self.second += np.float32(0.01) * (gradient * gradient - self.second)
        first = 1 - 0.9**self.steps
        second = 1 - 0.99**self.steps
        table -= np.float32(rate / first) * self.first / (np.sqrt(self.second / np.float32(second)) + np.float32(1e-8))


def tune(table, a, y, pairs, *, epochs, batch, rate, temperature, ranking, contrast, seed=3, each=None):
    """Tunes rows so that the direction of their sum is the teacher's (cosine),
    so that texts rank one another as they do for the teacher (ranking), and so
    that what follows an opening is nearest to it (contrast)."""
    rng = np.random.default_rng(seed)
    table = table.copy()
    adam = Adam(table)
    steps = epochs * (len(y) // batch)
    done = 0
    for epoch in range(epochs):
        order = rng.permutation(len(y))
        loss = np.zeros(3)
        for at in range(0, len(order) - batch + 1, batch):
            members = order[at : at + batch]
            rows = a[members]
            target = y[members]
            v, lengths = unit(rows @ table)
            cosine = (v * target).sum(1)
            loss[0] += 1 - cosine.mean()
            like = (target @ target.T) / np.float32(temperature)
            mine = (v @ v.T) / np.float32(temperature)
            np.fill_diagonal(like, -1e4)
            np.fill_diagonal(mine, -1e4)
            like, mine = softmax(like), softmax(mine)
            loss[1] += (like * (np.log(like + 1e-9) - np.log(mine + 1e-9))).sum(1).mean()
            difference = (mine - like) / batch
            g = np.float32(ranking) * ((difference + difference.T) @ v) - target / batch
            gradient = rows.T @ through_unit(g, v, lengths)

            chosen = pairs[rng.integers(0, len(pairs), batch // 4)]
            left, right = a[chosen[:, 0]], a[chosen[:, 1]]
            openings, opening_lengths = unit(left @ table)
            rests, rest_lengths = unit(right @ table)
            likely = softmax((openings @ rests.T) / np.float32(temperature))
            own = np.arange(len(chosen))
            loss[2] -= np.log(likely[own, own] + 1e-9).mean()
            likely[own, own] -= 1
            likely *= np.float32(contrast / len(chosen))
            gradient += left.T @ through_unit(likely @ rests, openings, opening_lengths)
            gradient += right.T @ through_unit(likely.T @ openings, rests, rest_lengths)
            adam.step(table, np.asarray(gradient, np.float32), rate * (1 - done / steps))
            done += 1
        loss /= len(order) // batch
        print(f"epoch {epoch}: cosine {loss[0]:.4f} ranking {loss[1]:.4f} contrast {loss[2]:.4f}", flush=True)
        if each:
            each(epoch, table)
    return table


def quantised(table):
    """One scale a row."""
    scales = np.abs(table).max(1) / 127
    scales[scales == 0] = 1
    return np.rint(table / scales[:, None]).astype(np.int8), scales.astype("<f4")


def write(path, table, names):
    rows, scales = quantised(table)
    vocabulary = "".join(name + "\n" for name in names).encode()
    header = struct.pack("<III", rows.shape[1], len(names), len(vocabulary))
    path.write_bytes(b"lore-em1" + header + vocabulary + scales.tobytes() + rows.tobytes())
