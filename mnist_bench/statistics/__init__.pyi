from .anova import ROUNDING as ROUNDING, alike as alike, residual_variance as residual_variance
from .inference import (
    holm as holm,
    mcnemar as mcnemar,
    mean_and_deviation as mean_and_deviation,
    share_interval as share_interval,
    t_interval as t_interval,
    wilson as wilson,
)
from .paired import LEVEL as LEVEL, effect_shown as effect_shown
from .shrinkage import reference as reference
from .two_shares import (
    ShareDifference as ShareDifference,
    fisher as fisher,
    paired_difference as paired_difference,
    unpaired_difference as unpaired_difference,
)
