from .remembering import RememberingExecutor as RememberingExecutor
from .training_memory import DEFAULT_LIMIT as DEFAULT_LIMIT, TrainingMemory as TrainingMemory
