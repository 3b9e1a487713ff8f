from .points import (
    Nearest as Nearest,
    cells as cells,
)
from .recorded_benchmark import CHANCE as CHANCE, RecordedBenchmark as RecordedBenchmark, RecordedCurve as RecordedCurve
from .shipped import SHA256 as SHA256, load as load
from .stored import AboutTable as AboutTable, Arrays as Arrays, pack as pack
from .table_trainer import POINT as POINT, TablePlanner as TablePlanner, TableTrainer as TableTrainer
