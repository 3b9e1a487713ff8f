from .checking import check as check
from .content import IMAGES as IMAGES
from .drawn import Drawn as Drawn, Met as Met, planner as planner, planner_on as planner_on, samples as samples
from .overview import Extremes as Extremes
from .space_sources import (
    FOLDERS as FOLDERS,
    Source as Source,
    config as config,
    dataset_of as dataset_of,
    find as find,
    former as former,
    load as load,
    named as named,
    open_with_data as open_with_data,
    parse as parse,
    recipe as recipe,
    shipped as shipped,
)
from .space_warnings import warning_line as warning_line, warnings as warnings
