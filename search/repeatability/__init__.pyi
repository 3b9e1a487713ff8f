from .check import Checked as Checked, Row as Row, TriedOn as TriedOn, examine as examine, require as require
from .elsewhere import answer as answer, answer_elsewhere as answer_elsewhere
from .of_search import require_repeatable as require_repeatable
