from .dispatcher import Dispatcher as Dispatcher, WorkerTime as WorkerTime
from .driver import Driver as Driver
from .outages import MAX_OUTAGE as MAX_OUTAGE
from .progress import (
    Callbacks as Callbacks,
    Header as Header,
    Meter as Meter,
    Observer as Observer,
    Observers as Observers,
    Progress as Progress,
    expected_survivors as expected_survivors,
)
from .replay import RecordedPlanner as RecordedPlanner
from .resume import restored as restored
from .run import Run as Run, Search as Search, check_search_arguments as check_search_arguments
from .tasks import (
    OnPeriod as OnPeriod,
    Task as Task,
    TaskStore as TaskStore,
    Training as Training,
    as_it_is as as_it_is,
)
