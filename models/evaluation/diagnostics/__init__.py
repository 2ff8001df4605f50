"""The audit of a new version: whom it treats how, what stands in for what it must not know, and what has moved.

`audit` measures on training and test rows what the overall metrics do not say. Its result is plain data, so that the
report, the model card and a test read the same numbers.
"""

from models.evaluation.diagnostics.diagnose import audit as audit
from models.evaluation.diagnostics.results import Audit as Audit
from models.evaluation.diagnostics.results import ColumnFairness as ColumnFairness
from models.evaluation.diagnostics.results import Fairness as Fairness
from models.evaluation.diagnostics.results import GroupQuality as GroupQuality
from models.evaluation.diagnostics.results import GroupTreatment as GroupTreatment
from models.evaluation.diagnostics.results import ImpactRatio as ImpactRatio
from models.evaluation.diagnostics.results import MeanEffectCurve as MeanEffectCurve
from models.evaluation.diagnostics.results import Proxies as Proxies
from models.evaluation.diagnostics.results import Segment as Segment
from models.evaluation.diagnostics.results import Shift as Shift
from models.evaluation.diagnostics.results import Stability as Stability
from models.evaluation.diagnostics.results import StandIn as StandIn
