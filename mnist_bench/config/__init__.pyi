from .json import (
    CODEC as CODEC,
    config_hash as config_hash,
    every_setting as every_setting,
    from_json as from_json,
    leaves as leaves,
    to_json as to_json,
    with_params as with_params,
)
from .schedule import Schedule as Schedule
from .settings import (
    Activation as Activation,
    AugmentConfig as AugmentConfig,
    BatchnormPlacement as BatchnormPlacement,
    BlockBatchnormPlacement as BlockBatchnormPlacement,
    Initialisation as Initialisation,
    ModelConfig as ModelConfig,
    OptimConfig as OptimConfig,
    Phase as Phase,
    TrainConfig as TrainConfig,
    TrainOn as TrainOn,
)
