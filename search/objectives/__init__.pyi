from .configuration import Configuration as Configuration
from .objective import Objective as Objective
from .objective_search import planned as planned, run as run
