from .result import Confirmed as Confirmed, load as load, plain as plain
from .run import Options as Options
from .table import accuracy as accuracy, footnote as footnote, table_of as table_of
