from .oom import kills as kills, volunteer as volunteer
from .pool import LocalExecutor as LocalExecutor, ending as ending, outcome_of_end as outcome_of_end
from .worker_process import ENVIRONMENT as ENVIRONMENT
