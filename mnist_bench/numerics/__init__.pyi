from .device import (
    VARIABLES as VARIABLES,
    choose_precision as choose_precision,
    describe as describe,
    find_device as find_device,
    setup as setup,
)
from .fixed_order import mean_of_pixels as mean_of_pixels, separable_kernel as separable_kernel
from .generators import seeded as seeded
from .kinds import (
    MUON_ITERATIONS as MUON_ITERATIONS,
    TRAINER_REVISIONS as TRAINER_REVISIONS,
    DeviceKind as DeviceKind,
    Precision as Precision,
    PrecisionName as PrecisionName,
    device_kind as device_kind,
    environment_of as environment_of,
)
from .machine import Machine as Machine, sentence as sentence, this_machine as this_machine
from .optimizers import SGD as SGD, Adam as Adam
from .portable import UnportableOperations as UnportableOperations
from .precision import (
    best_precision as best_precision,
    computing_in as computing_in,
    multiplying_in as multiplying_in,
    portable_is_free as portable_is_free,
)
from .resources import cores as cores
