from .model import (
    WEIGHTS as WEIGHTS,
    Model as Model,
    Prediction as Prediction,
    Traits as Traits,
    load_model as load_model,
    pack as pack,
)
from .threshold import Threshold as Threshold, threshold as threshold
