from .checking import check as check
from .files import (
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
from .form import IMAGES as IMAGES
from .oddities import warning_line as warning_line, warnings as warnings
from .overview import Estimate as Estimate, Extremes as Extremes, Met as Met, planner_on as planner_on
