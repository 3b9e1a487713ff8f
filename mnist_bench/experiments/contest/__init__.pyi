from .result import (
    STEPS as STEPS,
    Comparison as Comparison,
    Standing as Standing,
    Values as Values,
    comparisons as comparisons,
    curves as curves,
    finding as finding,
    shortfalls as shortfalls,
    standings as standings,
)
from .run import Options as Options
from .trace import Contest as Contest, Entrant as Entrant, Trace as Trace
