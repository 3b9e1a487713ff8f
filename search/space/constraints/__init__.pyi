from .constraint import Constraint as Constraint, read_constraints as read_constraints
from .row_filter import RowFilter as RowFilter, read_filter as read_filter, short_names as short_names
