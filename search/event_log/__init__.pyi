from .events import Event as Event, EventLog as EventLog
from .hash_chain import SAW as SAW, linked as linked
from .history import History as History
from .records import (
    Reason as Reason,
    State as State,
    StudyRecord as StudyRecord,
    TrialRecord as TrialRecord,
    is_external as is_external,
)
from .timeline import Active as Active, Order as Order, Slot as Slot, repeats as repeats
