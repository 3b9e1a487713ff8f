from .commands import (
    ablate as ablate,
    compare as compare,
    confirm as confirm,
    doctor as doctor,
    export as export,
    leaderboard as leaderboard,
    notebook as notebook,
    plot as plot,
    report as report,
    reproduce as reproduce,
    show as show,
    studies as studies,
    train as train,
)
from .experiments import (
    ablate_study as ablate_study,
    audit_study as audit_study,
    compare_methods as compare_methods,
    confirm_front as confirm_front,
    confirm_study as confirm_study,
    confirm_values as confirm_values,
    train_ladder as train_ladder,
    train_notebook as train_notebook,
)
from .pictures import (
    plot_data as plot_data,
    plot_study as plot_study,
    report_study as report_study,
)
from .recipes import fit as fit, fit_seeds as fit_seeds, fit_trial as fit_trial
from .searches import (
    open_study as open_study,
    reproduce_record as reproduce_record,
    reproduce_trial as reproduce_trial,
    search as search,
    to_dataframe as to_dataframe,
)
from .speed import (
    measure_speed as measure_speed,
)
from .winner import export_study as export_study, load_model as load_model, predict as predict
