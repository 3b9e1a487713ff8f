from .result import Confirmed as Confirmed, load as load, plain as plain
from .run import Options as Options
from .runs import Observer as Observer, Round as Round, Run as Run
from .table import accuracy as accuracy, footnote as footnote, table_of as table_of
