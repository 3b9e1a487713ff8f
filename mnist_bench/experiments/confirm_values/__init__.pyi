from .value_confirmation import ValueOptions as ValueOptions, confirm_values as confirm_values
from .value_result import (
    ConfirmedValues as ConfirmedValues,
    load_values as load_values,
    plain_values as plain_values,
)
from .value_table import (
    finding_of_values as finding_of_values,
    footnote_of_values as footnote_of_values,
    table_of_values as table_of_values,
)
