from .checking import check as check
from .files import (
    FOLDERS as FOLDERS,
    Source as Source,
    config as config,
    dataset as dataset,
    find as find,
    former as former,
    load as load,
    named as named,
    parse as parse,
    recipe as recipe,
    shipped as shipped,
)
from .form import IMAGES as IMAGES
from .oddities import warning_line as warning_line, warnings as warnings
from .overview import Estimate as Estimate, Extremes as Extremes, Met as Met, planner_on as planner_on
