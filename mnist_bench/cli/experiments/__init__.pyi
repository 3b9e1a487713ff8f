from .train import PrecisionName as PrecisionName
