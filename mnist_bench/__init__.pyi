from . import tables as tables
from .api import (
    ablate_study as ablate_study,
    audit_study as audit_study,
    confirm_study as confirm_study,
    export_study as export_study,
    fit as fit,
    open_study as open_study,
    reproduce_trial as reproduce_trial,
    search as search,
    to_dataframe as to_dataframe,
)
from .prediction import load_model as load_model
