from .comparable import check_comparable as check_comparable
from .earlier import kept as kept, opened as opened
from .offer import offered as offered
from .selection import Selection as Selection, SettingsOf as SettingsOf, resolved as resolved, selected as selected
