from .checkup import Checkup as Checkup
from .diagnostic import plain as plain
