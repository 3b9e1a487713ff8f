from .result import (
    Ablation as Ablation,
    Step as Step,
    direction as direction,
    load as load,
    span as span,
)
from .run import Options as Options
from .table import table_of as table_of
