from .names import TrackerName as TrackerName, trackers as trackers
from .tracking import log_study as log_study, tracked as tracked
