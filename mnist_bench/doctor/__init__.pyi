from .checkup import Checkup as Checkup
from .diagnostic import Diagnostic as Diagnostic, plain as plain
