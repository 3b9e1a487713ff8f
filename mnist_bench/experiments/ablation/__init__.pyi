from .result import (
    Ablation as Ablation,
    Measured as Measured,
    Step as Step,
    direction as direction,
    listed as listed,
    load as load,
    sentence as sentence,
    span as span,
)
from .run import Listener as Listener, Options as Options
