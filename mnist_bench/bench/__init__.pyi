from .cost_errors import EstimateErrors as EstimateErrors, estimate_errors as estimate_errors
from .cost_fit import RUNS as RUNS, CostModel as CostModel
from .published import plain as plain
from .speed import NetSpeed as NetSpeed, Rate as Rate, Speed as Speed, Spread as Spread
