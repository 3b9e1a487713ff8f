from .replayed_table import ReplayedTable as ReplayedTable
from .replayed_task import Replayed as Replayed
from .replayed_values import ReplayedValues as ReplayedValues
