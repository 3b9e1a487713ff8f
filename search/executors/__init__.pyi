from .in_process import InProcessExecutor as InProcessExecutor, error_text as error_text
from .protocol import (
    MAX_LANES as MAX_LANES,
    Cause as Cause,
    Done as Done,
    Executor as Executor,
    ExecutorName as ExecutorName,
    Job as Job,
    KeepingExecutor as KeepingExecutor,
    Lost as Lost,
    Outcome as Outcome,
    Raised as Raised,
    why_failed as why_failed,
)
from .remote import RemoteTrainer as RemoteTrainer
from .started import StartedWorkers as StartedWorkers, started as started
