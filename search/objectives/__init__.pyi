from .configuration import FLAT as FLAT, Configuration as Configuration
from .executor import NO_CHECK as NO_CHECK, ObjectiveExecutor as ObjectiveExecutor
from .objective import Objective as Objective
from .objective_search import (
    begun_again as begun_again,
    planned as planned,
    run as run,
    search_words as search_words,
)
