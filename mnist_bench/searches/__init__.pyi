from .config import SearchConfig as SearchConfig
from .first_trials import enqueued as enqueued, start_list as start_list
from .own_code import check_own_code as check_own_code, tried_on as tried_on
from .running import run as run, trials_left as trials_left
from .search_space import (
    check_study_name as check_study_name,
    chosen_strategies as chosen_strategies,
    data_options as data_options,
    form_of as form_of,
    location as location,
    study_name as study_name,
    to_search as to_search,
)
from .study_spec import (
    period_ends as period_ends,
    planner as planner,
    versions as versions,
)
