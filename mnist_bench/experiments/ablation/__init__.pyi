from .ablate import AblationOptions as AblationOptions, ablate_study as ablate_study
from .ablation_table import table_of as table_of
from .path import (
    Ablation as Ablation,
    Step as Step,
    direction as direction,
    load as load,
    span as span,
)
