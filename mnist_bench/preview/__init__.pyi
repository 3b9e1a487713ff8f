from .lines import preview as preview
from .objective_lines import preview_objective as preview_objective
