from .configuration import Configuration as Configuration
from .executor import ObjectiveExecutor as ObjectiveExecutor
from .objective import Function as Function, Objective as Objective
from .objective_search import planned as planned, run as run, space_of as space_of
