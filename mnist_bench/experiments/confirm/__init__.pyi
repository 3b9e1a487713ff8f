from .result import Confirmed as Confirmed, figures as figures, load as load, plain as plain
from .run import Opening as Opening, Options as Options
from .table import (
    accuracy as accuracy,
    budget_to_the_end as budget_to_the_end,
    command as command,
    footnote as footnote,
    table_of as table_of,
)
