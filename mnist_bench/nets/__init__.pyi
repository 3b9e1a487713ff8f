from .architecture import (
    CONVOLUTIONS as CONVOLUTIONS,
    Layer as Layer,
    Shape as Shape,
    plan_layers as plan_layers,
    views_of as views_of,
)
from .cost_model import (
    COEFFICIENTS as COEFFICIENTS,
    Coefficients as Coefficients,
    filled_macs as filled_macs,
    period_features as period_features,
    price_list as price_list,
)
from .modules import (
    build_model as build_model,
    build_net as build_net,
    set_dropout_generator as set_dropout_generator,
)
from .planner import make_planner as make_planner, with_net_defaults as with_net_defaults
from .size import net_size as net_size, training_macs as training_macs
from .summary import (
    about_cell as about_cell,
    distinguishing as distinguishing,
    line as line,
    settings_by_heading as settings_by_heading,
    shown as shown,
)
