from .colour import CHANNELS as CHANNELS, in_red as in_red
from .guard import close_test_set as close_test_set
from .mnist import (
    DataOptions as DataOptions,
    Images as Images,
    TrainingSet as TrainingSet,
    form_of as form_of,
    idx_files as idx_files,
    images_in as images_in,
    is_packaged as is_packaged,
    load_training_set as load_training_set,
    of_digits as of_digits,
    of_files as of_files,
)
from .own.formats import options_for as options_for
from .split import CLASSES as CLASSES, validation_size as validation_size
from .tensors import (
    Dataset as Dataset,
    Moments as Moments,
    load_dataset as load_dataset,
    on_device as on_device,
    with_evaluation_images as with_evaluation_images,
)
from .test_set import (
    hashes_of_test_set as hashes_of_test_set,
    open_test_set as open_test_set,
    unopened_identity as unopened_identity,
)
