from .kernels import bf16_over_fp32 as bf16_over_fp32, slow_bf16 as slow_bf16
from .speed_tables import speed_tables as speed_tables
