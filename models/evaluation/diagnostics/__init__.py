"""Diagnostics of a new version: fairness by group, proxy variables, quality by segment, stability, effect curves.

`diagnose` measures on training and test rows what overall metrics hide. Its result is plain data, so that report, model
card and tests read the same numbers.
"""

from models.evaluation.diagnostics.diagnose import diagnose as diagnose
from models.evaluation.diagnostics.diagnose import diagnose_inputs as diagnose_inputs
from models.evaluation.diagnostics.results import ColumnFairness as ColumnFairness
from models.evaluation.diagnostics.results import Diagnostics as Diagnostics
from models.evaluation.diagnostics.results import Fairness as Fairness
from models.evaluation.diagnostics.results import GradeCalibration as GradeCalibration
from models.evaluation.diagnostics.results import GroupQuality as GroupQuality
from models.evaluation.diagnostics.results import GroupTreatment as GroupTreatment
from models.evaluation.diagnostics.results import ImpactRatio as ImpactRatio
from models.evaluation.diagnostics.results import MeanEffectCurve as MeanEffectCurve
from models.evaluation.diagnostics.results import Proxies as Proxies
from models.evaluation.diagnostics.results import Segment as Segment
from models.evaluation.diagnostics.results import Shift as Shift
from models.evaluation.diagnostics.results import Stability as Stability
from models.evaluation.diagnostics.results import StandIn as StandIn
