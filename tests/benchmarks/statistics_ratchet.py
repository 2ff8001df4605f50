"""Whether decay adds up over retrainings: 20 of them on ever worse rows, judged on fresh rows at the end.

    python tests/benchmarks/statistics_ratchet.py [--seeds 6] [--rows 4000] [--retrainings 20] [--decay 0.01]

Every retraining gets rows of its own, of which a growing share (`--decay` more each time) has random labels, in
training and test set alike: each version looks hardly worse than the one before. Fresh rows without them tell the
log-loss of every version. Ends with 1 if a last champion is worse than the best of all champions by more than the
margin.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.checking import checked_frame
from data.column import Column
from data.splits import Split
from data.table import Table
from models.domains._discovery import load_domains
from models.evaluation.metrics import log_losses
from models.home import Home
from models.registry.live import load_live
from models.registry.registry import Registry
from models.retraining import train
from models.training.job import TrainingJob

COLUMNS = ("a", "b", "c", "d")
TABLE = Table(
    name="ratchet",
    columns=(*(Column(name=name, kind="number") for name in COLUMNS), Column(name="y", kind="flag", role="target")),
)
N_FRESH = 50_000


def rows(n_rows: int, seed: int, random_share: float = 0.0) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Rows and labels; a share of the labels is drawn again without regard to the inputs."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, len(COLUMNS)))
    log_odds = -1.8 + 1.2 * X[:, 0] - 0.9 * X[:, 1] + 0.8 * X[:, 0] * X[:, 2]
    labels = (rng.random(n_rows) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)
    again = rng.random(n_rows) < random_share
    labels[again] = rng.permutation(labels)[again]
    return pd.DataFrame({**dict(zip(COLUMNS, X.T, strict=True)), "y": labels}), labels


def ratchet(folder: Path, *, n_rows: int, n_retrainings: int, decay: float, seed: int) -> tuple[list[float], float]:
    """Log-loss on fresh rows of each champion in turn, and the margin in the same unit."""
    home, domain = Home(folder), load_domains()["credit"]
    registry = Registry(home.database_url)
    fresh, labels = rows(N_FRESH, 10_000 + seed)
    checked = checked_frame(TABLE, fresh, "fresh rows", training=True)
    champions = []
    for number in range(n_retrainings + 1):
        frame, _ = rows(n_rows, 1_000 * seed + number, decay * number)
        job = TrainingJob(
            domain=domain, name="ratchet", table=TABLE, source="simulated", split=Split(), preset="fast", seed=number
        )
        if train(job, frame, home=home, registry=registry).promoted:
            live = load_live(registry.champion("ratchet"), home.bundles)  # type: ignore[arg-type]
            probabilities = live.scorer.frame_scores(checked)["probability"]
            champions.append(float(log_losses(labels, probabilities).mean()))
    registry.close()
    base = float(log_losses(labels, np.full(len(labels), labels.mean())).mean())
    return champions, TABLE.gates.margin * base


def main() -> None:
    """Run and print one line for each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--rows", type=int, default=4_000)
    parser.add_argument("--retrainings", type=int, default=20)
    parser.add_argument("--decay", type=float, default=0.01)
    given = parser.parse_args()
    n_beyond = 0
    for seed in range(given.seeds):
        with tempfile.TemporaryDirectory() as folder:
            champions, margin = ratchet(
                Path(folder), n_rows=given.rows, n_retrainings=given.retrainings, decay=given.decay, seed=seed
            )
        lost = champions[-1] - min(champions)
        n_beyond += lost > margin
        print(
            f"seed {seed}: {len(champions)} of {given.retrainings + 1} versions went live; log-loss of the "
            f"first {champions[0]:.4f}, best {min(champions):.4f}, last {champions[-1]:.4f}: {lost:+.4f}, "
            f"margin {margin:.4f}",
            flush=True,
        )
    raise SystemExit(int(n_beyond > 0))


if __name__ == "__main__":
    main()
