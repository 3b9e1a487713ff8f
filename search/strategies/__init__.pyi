from .distributions import OptunaRanges as OptunaRanges, encode as encode
from .importance import MAX_TRIALS as MAX_TRIALS, Importance as Importance, importances as importances
from .optuna_study import (
    FAILED as FAILED,
    OF_CONSTRAINTS as OF_CONSTRAINTS,
    OptunaStudy as OptunaStudy,
    frozen_trial as frozen_trial,
    gp_proposal as gp_proposal,
    suggest as suggest,
)
from .pareto_pruning import shortfall as shortfall
from .pruners import (
    PRUNERS as PRUNERS,
    Asha as Asha,
    ForeignPruner as ForeignPruner,
    Hyperband as Hyperband,
    Median as Median,
    NoPruner as NoPruner,
    Pruner as Pruner,
)
from .registry import (
    FIRST as FIRST,
    check as check,
    check_known as check_known,
    misfits as misfits,
    named_pruner as named_pruner,
    named_sampler as named_sampler,
    of_code as of_code,
    of_settings as of_settings,
    of_spec as of_spec,
    pruner as pruner,
    sampler as sampler,
    to_spec as to_spec,
    unportable as unportable,
)
from .samplers import (
    SAMPLERS as SAMPLERS,
    Curves as Curves,
    ForeignSampler as ForeignSampler,
    Gp as Gp,
    ProposalOrigin as ProposalOrigin,
    Qmc as Qmc,
    Random as Random,
    Sampler as Sampler,
    Sobol as Sobol,
    Tpe as Tpe,
)
from .strategy import bounds_of as bounds_of
