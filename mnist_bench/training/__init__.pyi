from .batches import Batch as Batch
from .evaluation import Evaluation as Evaluation, evaluate as evaluate, logits as logits
from .factory import trainer_spec as trainer_spec
from .learner import Learner as Learner, make_learner as make_learner, train_step as train_step
from .period import (
    FitResult as FitResult,
    PlainTrainLoop as PlainTrainLoop,
    TrainLoop as TrainLoop,
    advance as advance,
    advance_in_steps as advance_in_steps,
    fit as fit,
)
from .replay_check import verify_replay as verify_replay
from .torch_trainer import TorchTrainer as TorchTrainer
from .weights import (
    check_known as check_known,
    check_trial as check_trial,
    config_entry as config_entry,
    config_in as config_in,
    export as export,
    load_known as load_known,
    load_model as load_model,
    metadata_in as metadata_in,
    metadata_of as metadata_of,
    model_in as model_in,
    net_of as net_of,
    packed as packed,
    read_weights as read_weights,
    readable as readable,
)
