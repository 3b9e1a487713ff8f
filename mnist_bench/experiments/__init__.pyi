from .audit import Audit as Audit
from .grid import Observer as Observer, TrainingRun as TrainingRun
from .own_trainer import OwnCode as OwnCode
