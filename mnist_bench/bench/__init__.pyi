from .cost_errors import EstimateErrors as EstimateErrors, estimate_errors as estimate_errors
from .cost_fit import RUNS as RUNS, CostModel as CostModel
from .kernels import bf16_over_fp32 as bf16_over_fp32, slow_bf16 as slow_bf16
from .tables import cost_model_table as cost_model_table, speed_tables as speed_tables
