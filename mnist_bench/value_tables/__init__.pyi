from .sources import is_named as is_named, load as load, names as names
from .value_table import ValuePlanner as ValuePlanner, ValueTable as ValueTable, ValueTrainer as ValueTrainer
