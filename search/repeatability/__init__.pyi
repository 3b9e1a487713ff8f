from .check import (
    Checked as Checked,
    CheckRow as CheckRow,
    TriedOn as TriedOn,
    examine as examine,
    require as require,
    require_repeatable as require_repeatable,
)
from .elsewhere import answer as answer, answer_elsewhere as answer_elsewhere
