"""What a file that has grown does to the test set of its next version: with and without digests of the champion's rows.

    python tests/benchmarks/statistics_grown_data.py [--seeds 20] [--rows 800] [--new-rows 400] [--preset fast]

The champion is trained on simulated applicants; the file grows by new ones. Refining the champion on it, the AUC of the
report is compared with that on fresh rows: it should be as high. Trained anew on it, a version has more rows than the
champion and is mostly better, which the log-loss on fresh rows tells; the better ones should not be refused. `unknown`
is a champion whose bundle does not say which rows it was trained on, `known` one that does. Ends with 1 if the known
rows leave the reported AUC higher than the fresh one by more than three standard errors.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.checking import checked_frame
from models.domains._discovery import load_domains
from models.home import Home
from models.registry.live import load_live
from models.registry.registry import Registry
from models.retraining import train
from models.training import fit
from models.training.job import TrainingJob

N_FRESH = 20_000
DOMAIN = load_domains()["credit"]


class Trial:
    """One home: a champion, and what is trained after it."""

    def __init__(self, folder: Path, *, preset: str, seed: int) -> None:
        self.home, self.preset, self.seed = Home(folder), preset, seed
        self.registry = Registry(self.home.database_url)
        fresh = DOMAIN.simulate(N_FRESH, 10_000 + seed).frame
        self.fresh = checked_frame(DOMAIN.table, fresh, "fresh rows", training=True)
        self.labels = DOMAIN.task.targets(DOMAIN.table, self.fresh)

    def train(self, frame: pd.DataFrame, **options: Any) -> tuple[bool, float, dict[str, float]]:
        """Whether it went live, its reported AUC, and its metrics on fresh rows."""
        job = TrainingJob(
            domain=DOMAIN,
            name="credit",
            table=DOMAIN.table,
            source="simulated",
            split=DOMAIN.split,
            seed=self.seed,
            **{"preset": self.preset, **options},  # type: ignore[arg-type]
        )
        result = train(job, frame, home=self.home, registry=self.registry)
        version = self.registry.version("credit", result.version)
        predictions = load_live(version, self.home.bundles).scorer.frame_scores(self.fresh)[DOMAIN.task.prediction]
        fresh = dict(DOMAIN.task.evaluate(self.labels, predictions, None))
        return result.promoted, float(result.metrics["auc"]), fresh


def trial(*, known: bool, preset: str, n_rows: int, n_new: int, seed: int) -> tuple[float, bool, bool]:
    """How much too high a refinement's AUC is, whether a version trained anew is better, and whether it is refused."""
    first = DOMAIN.simulate(n_rows, 2 * seed).frame
    grown = pd.concat([first, DOMAIN.simulate(n_new, 2 * seed + 1).frame], ignore_index=True)
    untold = nullcontext() if known else patch.object(fit, "champion_rows", lambda *_, **__: None)
    with tempfile.TemporaryDirectory() as folder, untold:
        one = Trial(Path(folder), preset=preset, seed=seed)
        _, _, champion = one.train(first, promote="always")
        _, reported, fresh = one.train(grown, refine=True, promote="never", preset=None)
        one.seed += 1_000  # of the same seed, the split of another number of rows is another one anyway
        promoted, _, anew = one.train(grown)
        one.registry.close()
    return reported - fresh["auc"], anew["log_loss"] < champion["log_loss"], not promoted


def main() -> None:
    """Run and print a line for each way and question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=800)
    parser.add_argument("--new-rows", type=int, default=400)
    parser.add_argument("--preset", default="fast")
    given = parser.parse_args()
    too_high = False
    for known in (False, True):
        found = [
            trial(known=known, preset=given.preset, n_rows=given.rows, n_new=given.new_rows, seed=seed)
            for seed in range(given.seeds)
        ]
        above = np.array([one[0] for one in found])
        error = above.std(ddof=1) / np.sqrt(len(above)) if len(above) > 1 else np.nan
        refused = [refused for _, better, refused in found if better]
        champion = "known rows" if known else "unknown rows"
        print(f"{champion}: a refinement reports an AUC {above.mean():+.4f} above that of fresh rows (se {error:.4f})")
        print(f"{champion}: {sum(refused)} of {len(refused)} better versions refused", flush=True)
        too_high = known and above.mean() > 3 * error
    raise SystemExit(int(too_high))


if __name__ == "__main__":
    main()
