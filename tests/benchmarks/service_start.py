"""Seconds from the start of the service's process to ready, and its memory then.

    python tests/benchmarks/service_start.py [--home var] [--repeats 5]

Needs the live models of `backscore quickstart --once` in the home.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]


def resident_megabytes(pid: int) -> float:
    """Resident set size of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"process {pid} has ended")


def start_once(home: Path) -> tuple[float, float]:
    """Seconds to ready and megabytes then."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "serve", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "BACKSCORE_HOME": str(home.resolve())},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1)
                break
            except OSError:
                if process.poll() is not None or time.perf_counter() - started > 60:
                    raise SystemExit("the service did not get ready") from None
                time.sleep(0.02)
        return time.perf_counter() - started, resident_megabytes(process.pid)
    finally:
        process.terminate()
        process.wait(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("var"))
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    runs = [start_once(arguments.home) for _ in range(arguments.repeats)]
    seconds, megabytes = zip(*runs, strict=True)
    print(
        f"start to ready: median {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}); "
        f"memory of the worker: {statistics.median(megabytes):.0f} MB"
    )


if __name__ == "__main__":
    main()
