from .result import Row as Row
from .run import Options as Options
from .table import table_of as table_of
