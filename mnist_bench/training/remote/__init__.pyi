from .net_trainer import NetTrainer as NetTrainer, trainer_on as trainer_on
from .scorer import Scorer as Scorer, numerics_here as numerics_here
