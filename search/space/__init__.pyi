from .constraints import (
    Constraint as Constraint,
    RowFilter as RowFilter,
    read_filter as read_filter,
    short_names as short_names,
)
from .feasibility import constrained as constrained
from .objective import (
    Direction as Direction,
    cost_of as cost_of,
    direction_of as direction_of,
    metric_of as metric_of,
    score as score,
)
from .overrides import override as override
from .ranges import (
    Choice as Choice,
    Distribution as Distribution,
    FloatRange as FloatRange,
    IntRange as IntRange,
    Levels as Levels,
    NumberRange as NumberRange,
    place as place,
    same as same,
)
from .scalars import is_quoted as is_quoted
from .seeds import Seeds as Seeds, seeds_of as seeds_of
from .settings_check import check_settings as check_settings
from .space import (
    NARROWED as NARROWED,
    UNREADABLE as UNREADABLE,
    Field as Field,
    Space as Space,
    Suggest as Suggest,
)
from .yaml_reader import Document as Document, KeyPath as KeyPath
