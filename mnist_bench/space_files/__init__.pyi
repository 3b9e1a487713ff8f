from .checking import check as check, training_settings as training_settings
from .files import (
    FOLDERS as FOLDERS,
    config as config,
    find as find,
    load as load,
    parse as parse,
    recipe as recipe,
    shipped as shipped,
)
from .overview import Estimate as Estimate, Extremes as Extremes
