from .executor import VirtualExecutor as VirtualExecutor
from .run import Simulated as Simulated, simulate as simulate
