"""The types that a domain fills in; training, storage and serving are shared and driven by them."""

from models.contract.answers import Answer as Answer
from models.contract.answers import Reason as Reason
from models.contract.answers import ReasonScope as ReasonScope
from models.contract.conversation import BEFORE as BEFORE
from models.contract.conversation import MESSAGE_ID as MESSAGE_ID
from models.contract.conversation import SESSION as SESSION
from models.contract.conversation import Conversation as Conversation
from models.contract.conversation import Memory as Memory
from models.contract.domain import Domain as Domain
from models.contract.domain import Gate as Gate
from models.contract.domain import LiveModel as LiveModel
from models.contract.domain import Operation as Operation
from models.contract.policy import AlertBudget as AlertBudget
from models.contract.policy import AlertWords as AlertWords
from models.contract.policy import CutOffs as CutOffs
from models.contract.policy import Policy as Policy
from models.contract.policy import Queue as Queue
from models.contract.rows import Columns as Columns
from models.contract.rows import Predictions as Predictions
from models.contract.rows import Row as Row
from models.contract.rows import Rows as Rows
from models.contract.rows import Targets as Targets
from models.contract.task import Summary as Summary
from models.contract.task import Task as Task
