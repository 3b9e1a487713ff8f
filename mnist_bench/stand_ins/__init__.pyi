from .gaussian_process import matern as matern
from .shipped import SHA256 as SHA256, Kind as Kind, load as load, path_of as path_of
from .stand_in import (
    FRESH as FRESH,
    Spread as Spread,
    StandIn as StandIn,
    log_errors_of as log_errors_of,
)
from .stand_in_trainer import StandInPlanner as StandInPlanner, StandInTrainer as StandInTrainer
from .trees import LEAF as LEAF, BoostedTrees as BoostedTrees
