from .duration_forecast import ExpectedTime as ExpectedTime, Workload as Workload, expected_time as expected_time
from .lines import preview as preview
from .objective_lines import preview_objective as preview_objective
