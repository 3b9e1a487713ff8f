from .charts_block import ChartsBlock as ChartsBlock, charts_of as charts_of
from .shown_trials import LISTED as LISTED, summary_of as summary_of
