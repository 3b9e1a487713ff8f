from .dispatcher import Dispatcher as Dispatcher
from .driver import Driver as Driver, restored as restored
from .outages import MAX_OUTAGE as MAX_OUTAGE
from .progress import (
    Callbacks as Callbacks,
    Header as Header,
    Meter as Meter,
    Observer as Observer,
    Observers as Observers,
    Progress as Progress,
    WorkerTime as WorkerTime,
    expected_survivors as expected_survivors,
    seconds_left as seconds_left,
    tell as tell,
)
from .replay import RecordedPlanner as RecordedPlanner
from .run import Run as Run, Search as Search, check_search_arguments as check_search_arguments
from .tasks import (
    OnPeriod as OnPeriod,
    Task as Task,
    TaskStore as TaskStore,
    Training as Training,
    as_it_is as as_it_is,
)
