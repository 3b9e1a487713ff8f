from .compare import (
    FOLDER as FOLDER,
    ContestOptions as ContestOptions,
    compare_methods as compare_methods,
)
from .contest_record import (
    Contest as Contest,
    Entrant as Entrant,
)
from .contest_table import scope as scope, tables_of as tables_of
from .error_curves import STEPS as STEPS, ErrorCurve as ErrorCurve, curve as curve, spent as spent
from .ranks import finding_over as finding_over
from .verdicts import Judged as Judged, judge as judge
