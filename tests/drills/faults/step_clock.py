"""The clock steps forwards and back while the service answers: every answer is recorded and can be replayed.

    python tests/drills/faults/step_clock.py [--rounds 50]

The service runs in this process with a clock that jumps by up to a year either way before each request. Ids stay
different, and nothing is answered without a record. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from models.records.audit_log.replay import replay
from service.app import create_app
from service.scoring.prediction_ids import time_ordered_id
from service.settings import Settings
from tests.conftest import TestClient
from tests.drills.stage import NAME, end_with, example, scratch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    chance, problems, moment = random.Random(0), [], [datetime(2026, 1, 1, tzinfo=UTC)]
    row = example()
    with scratch() as stage:
        store = stage.trained()
        app = create_app(
            Settings(home=store.home.path, poll_seconds=0.05),
            now=lambda: moment[0],
            new_id=lambda: time_ordered_id(lambda: moment[0]),
            log_to=io.StringIO(),
        )
        ids: list[str] = []
        with TestClient(app, base_url="http://127.0.0.1:8000") as client:
            for number in range(arguments.rounds):
                moment[0] = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=chance.uniform(-365, 365))
                bodies = {"score": row, "batch": {"rows": [row, row]}, "explain": {"row": row}}
                for action, body in bodies.items():
                    response = client.post(f"/v1/{NAME}/{action}", json=body)
                    if response.status_code != 200:
                        problems.append(
                            f"round {number}: {action} answered {response.status_code} {response.text[:200]}"
                        )
                        continue
                    answers = response.json().get("answers", [response.json()])
                    ids += [answer["prediction_id"] for answer in answers]
            log = app.state.predictions
            for name in ids:
                records = log.records(name)
                if len(records) != 1:
                    problems.append(f"{name} is recorded {len(records)} times")
                elif not replay(records[0], store.registry, store.home.bundles, personal_key=b"").identical:
                    problems.append(f"{name} is not answered again to the bit")
        store.registry.close()
    if len(set(ids)) != len(ids):
        problems.append("two answers have one id")
    print(f"{arguments.rounds} steps of the clock: {len(ids)} answers recorded and replayed, {len(problems)} problems")
    end_with(problems)


if __name__ == "__main__":
    main()
