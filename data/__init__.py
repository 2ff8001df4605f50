"""Tables and rows: descriptions, checks, files, splits, simulators. Imports no other package of this project."""

import os

# Before scikit-learn loads OpenMP, which reads it once: threads that spin while they wait make boosting take ten times
# as long where other processes want the cores
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
