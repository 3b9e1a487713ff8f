from .result import (
    Candidate as Candidate,
    Confirmed as Confirmed,
    Figures as Figures,
    load as load,
    plain as plain,
)
from .run import Options as Options
from .runs import Observer as Observer, Round as Round, Run as Run
