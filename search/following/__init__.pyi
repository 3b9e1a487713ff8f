from .follow_loop import follow as follow
from .followed_study import FollowedStudy as FollowedStudy
