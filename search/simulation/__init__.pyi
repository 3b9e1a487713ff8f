from .executor import VirtualExecutor as VirtualExecutor
from .run import MAX_TRIALS as MAX_TRIALS, Simulated as Simulated, simulate as simulate
