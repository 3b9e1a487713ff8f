from .cache import cached_trainer as cached_trainer
from .points import NearCopy as NearCopy, cells as cells, near_copies as near_copies, spread as spread
from .replay import Nearest as Nearest, TablePlanner as TablePlanner, TableTrainer as TableTrainer
from .rows import Row as Row
from .shipped import SHA256 as SHA256
from .stored import About as About, Arrays as Arrays, of_rows as of_rows, pack as pack
from .table import CHANCE as CHANCE, Curve as Curve, Table as Table, encoded as encoded, load as load
