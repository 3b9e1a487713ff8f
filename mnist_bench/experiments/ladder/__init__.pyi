from .result import Ladder as Ladder
from .run import Options as Options
from .table import table_of as table_of
