from .early_stop import StopRules as StopRules
from .events import (
    MAX_COUNT as MAX_COUNT,
    MAX_GOAL as MAX_GOAL,
    Asked as Asked,
    Created as Created,
    Declined as Declined,
    Event as Event,
    GoalSet as GoalSet,
    OfTrial as OfTrial,
    Reported as Reported,
    Resumed as Resumed,
    Stopped as Stopped,
    Told as Told,
    trial_of as trial_of,
)
from .forecast import Forecast as Forecast, WorkLeft as WorkLeft
from .history import History as History
from .log import EventLog as EventLog, LogEnd as LogEnd, Salvage as Salvage, readable as readable
from .records import (
    REPEATED as REPEATED,
    UNTRAINED as UNTRAINED,
    EarlyStop as EarlyStop,
    StudyRecord as StudyRecord,
    TrialRecord as TrialRecord,
    besides as besides,
    is_external as is_external,
    reason_of as reason_of,
)
from .timeline import Order as Order, Slot as Slot, repeats as repeats
