from .audit import Audit as Audit
from .grid import Observer as Observer, TrainingRun as TrainingRun
