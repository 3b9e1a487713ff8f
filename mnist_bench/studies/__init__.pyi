from .best_checkpoints import (
    BestCheckpoints as BestCheckpoints,
    check_kept as check_kept,
    keep_weights as keep_weights,
    worth_keeping as worth_keeping,
)
from .compatibility import (
    commands_at as commands_at,
    commands_of as commands_of,
    device_like as device_like,
    net_code as net_code,
)
from .foreign import (
    check_nets as check_nets,
    is_foreign as is_foreign,
    made_by_another as made_by_another,
    option_of as option_of,
    trainer_of as trainer_of,
)
from .openings import purpose_of_confirming as purpose_of_confirming
from .record import (
    Data as Data,
    PeriodResult as PeriodResult,
    Record as Record,
    data_of as data_of,
    is_portable as is_portable,
    recipe_text as recipe_text,
    record_of as record_of,
)
from .reproduce import (
    Difference as Difference,
    OnPeriod as OnPeriod,
    RepeatedTrial as RepeatedTrial,
    figure_difference as figure_difference,
    figures_of as figures_of,
    first_difference as first_difference,
    reproduce_values as reproduce_values,
    trainer_for as trainer_for,
)
from .validated import (
    believed as believed,
    find_trial as find_trial,
    open_any as open_any,
    open_study as open_study,
)
