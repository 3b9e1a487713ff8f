from .made import is_named as is_named, load as load
from .value_table import ValuePlanner as ValuePlanner, ValueTable as ValueTable, ValueTrainer as ValueTrainer
