from .driver import (
    Header as Header,
    Observer as Observer,
    Progress as Progress,
    Run as Run,
    Search as Search,
)
from .errors import (
    FingerprintError as FingerprintError,
    Interrupted as Interrupted,
    NewerVersionError as NewerVersionError,
    PluginError as PluginError,
    Problem as Problem,
    SearchError as SearchError,
    SpaceError as SpaceError,
    StorageError as StorageError,
    StudyLockedError as StudyLockedError,
    StudyNotFoundError as StudyNotFoundError,
    TooManyFailuresError as TooManyFailuresError,
    UsageError as UsageError,
    WorkerError as WorkerError,
)
from .event_log import (
    EarlyStop as EarlyStop,
    StopRules as StopRules,
    StudyRecord as StudyRecord,
    TrialRecord as TrialRecord,
)
from .executors import Executor as Executor, InProcessExecutor as InProcessExecutor
from .executors.local import LocalExecutor as LocalExecutor
from .executors.ray import RayExecutor as RayExecutor
from .objectives import Configuration as Configuration, Objective as Objective, planned as planned, run as run
from .repeatability import require_repeatable as require_repeatable
from .space import Space as Space
from .strategies import (
    Asha as Asha,
    Curves as Curves,
    Gp as Gp,
    Hyperband as Hyperband,
    Median as Median,
    NoPruner as NoPruner,
    Pruner as Pruner,
    Qmc as Qmc,
    Random as Random,
    Sampler as Sampler,
    Sobol as Sobol,
    Tpe as Tpe,
    named_pruner as named_pruner,
    named_sampler as named_sampler,
)
from .study import StudyLocation as StudyLocation, StudySpec as StudySpec, open_study as open_study
from .trainer_api import (
    PLAIN as PLAIN,
    Codec as Codec,
    Plan as Plan,
    Planner as Planner,
    Report as Report,
    SteppedTrainer as SteppedTrainer,
    Trainer as Trainer,
    TrainerSpec as TrainerSpec,
)
