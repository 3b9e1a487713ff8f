from .result import (
    Ablation as Ablation,
    Step as Step,
    direction as direction,
    load as load,
    sentence as sentence,
    span as span,
)
from .run import Listener as Listener, Options as Options
from .table import table_of as table_of
