from .result import Ladder as Ladder, Rung as Rung, plain as plain
from .run import Options as Options
