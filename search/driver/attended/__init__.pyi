from .interrupts import Interrupts as Interrupts, interruptible as interruptible
from .screens import Screen as Screen, is_command_in_cell as is_command_in_cell, screen_here as screen_here
from .watching import watched as watched
