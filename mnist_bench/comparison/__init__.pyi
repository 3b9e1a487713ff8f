from .comparison import Comparison as Comparison, compare as compare
from .comparison_table import tables_of as tables_of
