from .input_spec import InputSpec as InputSpec
from .model import (
    OUTLIERS as OUTLIERS,
    UNFINISHED as UNFINISHED,
    WEIGHTS as WEIGHTS,
    Model as Model,
    Prediction as Prediction,
    is_export as is_export,
    load_model as load_model,
    pack as pack,
)
from .outlier_rule import OutlierRule as OutlierRule, calibrated_rule as calibrated_rule
from .picture_kind import draws_on_black as draws_on_black, is_ready as is_ready, sample as sample
from .threshold import Threshold as Threshold, threshold as threshold
