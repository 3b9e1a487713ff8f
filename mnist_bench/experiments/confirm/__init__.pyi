from .front import Front as Front, FrontOptions as FrontOptions, load_front as load_front
from .front_table import table_of_front as table_of_front
from .result import (
    MIN_COMMITTEE as MIN_COMMITTEE,
    Confirmed as Confirmed,
    figures as figures,
    load as load,
    plain as plain,
)
from .run import Opening as Opening, Options as Options
from .runs import SEEDS as SEEDS
from .table import (
    accuracy as accuracy,
    budget_to_the_end as budget_to_the_end,
    command as command,
    committee as committee,
    footnote as footnote,
    table_of as table_of,
)
