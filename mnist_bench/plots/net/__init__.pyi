from .predictions import Predictions as Predictions, predict as predict
