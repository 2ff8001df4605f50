"""Accuracy of intents and refusal of unknown messages, beside a linear SVM and logistic regression on TF-IDF.

    python tests/benchmarks/chat_accuracy.py --data FOLDER [--tasks clinc,small,...] [--preset balanced] [--seed 0]
                                             [--sentences ENCODER]
    python tests/benchmarks/chat_accuracy.py --simulated 4000 [--preset fast]

FOLDER holds clinc150.parquet, clinc150_train_variants.parquet, snips.parquet, bitext_support.parquet and atis.parquet,
with the columns split, text and intent. Each task trains on `train`, stops and calibrates on `val`, and is judged on
`test`. For CLINC150 (Larson et al. 2019) the given unknown messages of training and validation set the limit, or none
("no unknown"); in scope is the share of known test messages that are answered right, out of scope that of unknown ones
that are refused. "typo": one letter of every test message left out. Times are seconds of CPU.

ENCODER is the folder of a sentence encoder. Its vectors are read beside the n-grams; logistic regression on them alone
and, where it is installed, the time of sentence-transformers are printed as well.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.svm import LinearSVC

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.column import Column
from data.simulators import chat as simulator
from data.table import Table
from models.encoding.sentences.encoder import SentenceEncoder
from models.encoding.text_encoder import TextEncoder
from models.estimators.text_scorer import TextScorer
from models.presets import PRESETS
from models.registry.state import dump_state
from models.tasks.texts import tf_idf

OUTSIDE = "oos"


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """Messages to learn from and to be judged by; of the unknown ones the first set the limit, the others judge."""

    name: str
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    unknown: tuple[pd.DataFrame, pd.DataFrame] | None = None


def public_tasks(folder: Path) -> Iterator[Task]:
    """The tasks of the public files."""
    clinc = pd.read_parquet(folder / "clinc150.parquet")
    variants = pd.read_parquet(folder / "clinc150_train_variants.parquet")

    def of(frame: pd.DataFrame, *splits: str) -> pd.DataFrame:
        return frame[frame["split"].isin(splits)].reset_index(drop=True)

    unknown = of(clinc, "oos_train", "oos_val"), of(clinc, "oos_test")
    trains = {"clinc": of(clinc, "train")} | {
        name: of(variants[variants["variant"] == name], "train") for name in ("small", "imbalanced")
    }
    for name, train in trains.items():
        yield Task(name=name, train=train, validation=of(clinc, "val"), test=of(clinc, "test"), unknown=unknown)
    for name in ("snips", "bitext", "atis"):
        frame = pd.read_parquet(folder / f"{'bitext_support' if name == 'bitext' else name}.parquet")
        train, known = of(frame, "train"), set(frame.loc[frame["split"] == "train", "intent"])
        validation = of(frame, "val")
        # A validation class that no training message has cannot be learned; test messages of one count as errors
        yield Task(
            name=name, train=train, validation=validation[validation["intent"].isin(known)], test=of(frame, "test")
        )


def simulated_task(n_rows: int) -> Task:
    """The embedded messages."""
    frame = simulator.simulate(n_rows, 0).frame
    is_unknown = frame["intent"] == "unknown"
    known, unknown = frame[~is_unknown].reset_index(drop=True), frame[is_unknown].reset_index(drop=True)
    third, half = len(known) // 3, len(unknown) // 2
    return Task(
        name="simulated",
        train=known[third:],
        validation=known[: third // 2],
        test=known[third // 2 : third],
        unknown=(unknown[:half], unknown[half:]),
    )


def trained(task: Task, preset: str, seed: int, sentences: SentenceEncoder | None, *, with_unknown: bool) -> TextScorer:
    """A scorer of the task; unknown messages set the limit or are left out."""
    levels = (*sorted(task.train["intent"].unique()), *([OUTSIDE] if with_unknown else []))
    target = Column(
        name="intent", kind="category", role="target", levels=levels, outside=OUTSIDE if with_unknown else None
    )
    table = Table(name="messages", columns=(Column(name="text", kind="text"), target))
    scorer = TextScorer(table, PRESETS[preset], seed)  # type: ignore[index]
    if sentences is not None:
        scorer.read_sentences(sentences)
    held_out = task.validation
    if with_unknown and task.unknown is not None:
        held_out = pd.concat([held_out, task.unknown[0].assign(intent=OUTSIDE)])
    codes: dict[str, int] = {level: i for i, level in enumerate(levels)}
    scorer.fit(
        task.train,
        task.train["intent"].map(codes).to_numpy(),
        validation=(held_out, held_out["intent"].map(codes).to_numpy()),
    )
    return scorer


def judge(task: Task, preset: str, seed: int, sentences: SentenceEncoder | None) -> None:
    """Print what a task's scorer reaches."""
    started = time.process_time()
    scorer = trained(task, preset, seed, sentences, with_unknown=task.unknown is not None)
    seconds = time.process_time() - started
    levels = np.array(scorer.table.target.levels)

    def measured(frame: pd.DataFrame) -> tuple[Any, Any, Any]:
        X = scorer.encoder.transform(frame)
        scores = scorer.scores(X)
        known = scores["probabilities"][:, : len(scorer.network.classes_)]
        return known, scores["refused"] > 0, scorer.unusualness(scorer._sums(X))

    known, refused, strange = measured(task.test)
    right = levels[known.argmax(axis=1)] == task.test["intent"].to_numpy()
    shares = known / known.sum(axis=1, keepdims=True)
    print(
        f"{task.name}: accuracy {right.mean():.4f} ece {calibration_error(shares.max(axis=1), right):.4f} "
        f"seconds {seconds:.1f} bundle {sum(map(len, dump_state(scorer, task.name).values())) / 1e6:.1f} MB"
    )
    if task.unknown is not None:
        _, refused_unknown, strange_unknown = measured(task.unknown[1])
        of_none = np.r_[np.zeros(len(strange)), np.ones(len(strange_unknown))]
        auroc = roc_auc_score(of_none, np.r_[strange, strange_unknown])
        print(
            f"{task.name}, limit by given unknown: in scope {(right & ~refused).mean():.4f} "
            f"out of scope {refused_unknown.mean():.4f} auroc {auroc:.4f}"
        )
        usual = np.quantile(measured(task.validation)[2], 0.98)
        print(
            f"{task.name}, no unknown given: in scope {(right & (strange < usual)).mean():.4f} "
            f"out of scope {(strange_unknown >= usual).mean():.4f}"
        )
    rng = np.random.default_rng(seed)
    typos = task.test.assign(text=[with_typo(text, rng) for text in task.test["text"]])
    known, _, _ = measured(typos)
    print(f"{task.name}, one typo: accuracy {(levels[known.argmax(axis=1)] == task.test['intent']).mean():.4f}")


def calibration_error(confidence: Any, right: Any) -> float:
    """The expected calibration error in 15 bins of equal width."""
    bins = np.minimum((confidence * 15).astype(int), 14)
    gaps = [abs(confidence[bins == i].mean() - right[bins == i].mean()) * (bins == i).mean() for i in np.unique(bins)]
    return float(sum(gaps))


def with_typo(text: str, rng: np.random.Generator) -> str:
    """The text without one of its letters."""
    letters = [i for i, character in enumerate(text) if character.isalpha()]
    place = letters[int(rng.integers(0, len(letters)))] if letters else 0
    return text[:place] + text[place + 1 :]


def peers(task: Task, seed: int) -> None:
    """Print the accuracy of a linear SVM and of logistic regression on scikit-learn's TF-IDF."""
    encoder = tf_idf()
    X, X_test = encoder.fit_transform(task.train["text"]), encoder.transform(task.test["text"])
    for name, model in (
        ("linear SVM", LinearSVC(random_state=seed)),
        ("logistic regression", LogisticRegression(C=10, max_iter=100, random_state=seed)),
    ):
        started = time.process_time()
        right = model.fit(X, task.train["intent"]).predict(X_test) == task.test["intent"].to_numpy()
        print(
            f"{task.name}, {name}: accuracy {right.mean():.4f} seconds {time.process_time() - started:.1f}", flush=True
        )


def sentence_peer(task: Task, seed: int, sentences: SentenceEncoder) -> None:
    """Print the accuracy of logistic regression on the sentence vectors alone, and its refusal by 5 % of known ones."""
    model = LogisticRegression(C=30, max_iter=300, random_state=seed)
    model.fit(sentences.vectors(task.train["text"].tolist()), task.train["intent"])

    def measured(frame: pd.DataFrame) -> tuple[Any, Any]:
        shares = model.predict_proba(sentences.vectors(frame["text"].tolist()))
        return model.classes_[shares.argmax(axis=1)] == frame["intent"].to_numpy(), 1 - shares.max(axis=1)

    right, strange = measured(task.test)
    print(f"{task.name}, logistic regression on sentences: accuracy {right.mean():.4f}")
    if task.unknown is not None:
        unknown, limit = measured(task.unknown[1])[1], np.quantile(measured(task.validation)[1], 0.95)
        auroc = roc_auc_score(np.r_[np.zeros(len(strange)), np.ones(len(unknown))], np.r_[strange, unknown])
        print(
            f"{task.name}, logistic regression on sentences, limit: in scope {(right & (strange < limit)).mean():.4f} "
            f"out of scope {(unknown >= limit).mean():.4f} auroc {auroc:.4f}",
            flush=True,
        )


def sentence_time(task: Task, folder: Path) -> None:
    """Print the time of a message of 12 words in sentence-transformers and here, in turns, on one core."""
    words = " ".join(task.test["text"]).split()
    messages = [" ".join(words[i : i + 12]) for i in range(0, 12 * 60, 12)]
    encoder = SentenceEncoder.read(folder)
    ways: dict[str, Callable[[str], object]] = {"ours": lambda text: encoder.vectors([text])}
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ModuleNotFoundError:
        print("sentence-transformers is not installed")
    else:
        torch.set_num_threads(1)
        theirs = SentenceTransformer(str(folder), device="cpu")
        ways["sentence-transformers"] = lambda text: theirs.encode([text], show_progress_bar=False)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for text in messages * 3:
        for name, run in ways.items():
            started = time.perf_counter()
            run(text)
            times[name].append(time.perf_counter() - started)
    for name, found in times.items():
        print(f"{task.name}, a message of 12 words, {name}: {1e3 * float(np.median(found)):.2f} ms")


def encoding_time(task: Task) -> None:
    """Print the time of a message's n-grams beside scikit-learn's TF-IDF, one by one and together."""
    target = Column(name="intent", kind="category", role="target")
    encoder = TextEncoder(Table(name="messages", columns=(Column(name="text", kind="text"), target))).fit(task.train)
    theirs = tf_idf().fit(task.train["text"])
    texts = task.test["text"].tolist()[:1_000]
    rows = [{"text": text} for text in texts]

    def microseconds(run: Callable[[], object]) -> float:
        def once() -> float:
            started = time.process_time()
            run()
            return time.process_time() - started

        return 1e6 * min(once() for _ in range(3)) / len(texts)

    compared = {
        "of a message": (
            microseconds(lambda: [encoder.encode_rows([row]) for row in rows]),
            microseconds(lambda: [theirs.transform([text]) for text in texts]),
        ),
        "in a batch": (microseconds(lambda: encoder.encode_rows(rows)), microseconds(lambda: theirs.transform(texts))),
    }
    for what, (ours, other) in compared.items():
        print(f"{task.name}, n-grams {what}: {ours:.0f} us, scikit-learn {other:.0f} us, ratio {ours / other:.3f}")


def main() -> None:
    """Measure the tasks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the public files")
    parser.add_argument("--tasks", default="", help="names, with commas between; all of them if left out")
    parser.add_argument("--simulated", type=int, default=0, help="number of simulated messages, in place of --data")
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sentences", type=Path, help="folder of a sentence encoder")
    parser.add_argument("--without-peers", action="store_true")
    given = parser.parse_args()
    tasks = [simulated_task(given.simulated)] if given.simulated else list(public_tasks(given.data))
    sentences = None if given.sentences is None else SentenceEncoder.read(given.sentences).remember()
    for i, task in enumerate(tasks):
        if given.tasks and task.name not in given.tasks.split(","):
            continue
        judge(task, given.preset, given.seed, sentences)
        if not given.without_peers:
            peers(task, given.seed)
            if sentences is not None:
                sentence_peer(task, given.seed, sentences)
                sentence_time(task, given.sentences)
        if i == 0:
            encoding_time(task)


if __name__ == "__main__":
    main()
