from .catalogue import (
    Declared as Declared,
    all_settings as all_settings,
    sections as sections,
    setting_of as setting_of,
)
from .declaration import Group as Group
from .field_docs import field_docs as field_docs
from .json import (
    CODEC as CODEC,
    config_hash as config_hash,
    every_setting as every_setting,
    flattened as flattened,
    from_json as from_json,
    to_json as to_json,
    with_params as with_params,
)
from .schedule import (
    Schedule as Schedule,
    crops as crops,
    images_per_epoch as images_per_epoch,
    leaves_validation as leaves_validation,
    rate_cell as rate_cell,
    rate_words as rate_words,
)
from .settings import (
    Activation as Activation,
    AugmentConfig as AugmentConfig,
    BatchnormPlacement as BatchnormPlacement,
    BlockBatchnormPlacement as BlockBatchnormPlacement,
    ConvolutionKind as ConvolutionKind,
    DatasetName as DatasetName,
    Fill as Fill,
    FirstFilters as FirstFilters,
    Initialisation as Initialisation,
    Interpolation as Interpolation,
    ModelConfig as ModelConfig,
    NetValue as NetValue,
    OptimConfig as OptimConfig,
    Optimizer as Optimizer,
    Phase as Phase,
    PixelPool as PixelPool,
    PoolAxes as PoolAxes,
    SharedFilters as SharedFilters,
    TrainConfig as TrainConfig,
    TrainOn as TrainOn,
)
