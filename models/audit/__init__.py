"""The audit of a new version: whom it treats how, what stands in for what it must not know, and what has moved.

`audit` measures on training and test rows what the overall metrics do not say. Its result is plain data, so that the
report, the model card and a test read the same numbers.
"""

from models.audit.conduct import audit as audit
from models.audit.results import Audit as Audit
from models.audit.results import ColumnFairness as ColumnFairness
from models.audit.results import Fairness as Fairness
from models.audit.results import GroupQuality as GroupQuality
from models.audit.results import GroupTreatment as GroupTreatment
from models.audit.results import ImpactRatio as ImpactRatio
from models.audit.results import MeanEffectCurve as MeanEffectCurve
from models.audit.results import Proxies as Proxies
from models.audit.results import Segment as Segment
from models.audit.results import Shift as Shift
from models.audit.results import Stability as Stability
from models.audit.results import StandIn as StandIn
