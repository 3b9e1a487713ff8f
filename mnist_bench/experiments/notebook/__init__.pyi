from .result import DEVIATIONS as DEVIATIONS, Figure as Figure, Row as Row, plain as plain
from .run import Options as Options
