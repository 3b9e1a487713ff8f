from .result import (
    STEPS as STEPS,
    Values as Values,
    comparisons as comparisons,
    curves as curves,
    finding as finding,
    shortfalls as shortfalls,
    standings as standings,
)
from .run import Options as Options
from .table import table_of as table_of
from .trace import Contest as Contest
