from .cache import cached_trainer as cached_trainer
from .points import (
    Nearest as Nearest,
    cells as cells,
    spread as spread,
)
from .recorded_benchmark import CHANCE as CHANCE, Curve as Curve, RecordedBenchmark as RecordedBenchmark
from .rows import Row as Row
from .shipped import SHA256 as SHA256, load as load
from .stored import About as About, Arrays as Arrays, encoded as encoded, of_rows as of_rows, pack as pack
from .table_trainer import POINT as POINT, TablePlanner as TablePlanner, TableTrainer as TableTrainer
