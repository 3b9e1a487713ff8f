from .oom import kills as kills, volunteer as volunteer
from .pool import CRASHES as CRASHES, LocalExecutor as LocalExecutor, ending as ending
from .worker_process import ENVIRONMENT as ENVIRONMENT
