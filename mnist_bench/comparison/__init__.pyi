from .comparison import Comparison as Comparison, TraceOptions as TraceOptions, compare as compare, traced as traced
from .comparison_table import tables_of as tables_of
