from .config import SearchConfig as SearchConfig
from .first_trials import enqueued as enqueued, start_list as start_list
from .objective_search import (
    ObjectiveConfig as ObjectiveConfig,
    run_objective as run_objective,
    search_of_objective as search_of_objective,
)
from .running import (
    check_own_code as check_own_code,
    continued as continued,
    run as run,
    trials_left as trials_left,
    tried_on as tried_on,
)
from .setup import SearchSetup as SearchSetup, check_study_name as check_study_name
from .study_context import (
    period_ends as period_ends,
    planner as planner,
    versions as versions,
)
