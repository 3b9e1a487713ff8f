from .declared import (
    DECLARED as DECLARED,
    RESULTS as RESULTS,
    STORAGE as STORAGE,
    WORKERS as WORKERS,
    Declared as Declared,
)
from .in_force import in_force as in_force, results_in_force as results_in_force
from .pyproject_file import not_used as not_used
