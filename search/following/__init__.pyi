from .beginning import await_beginning as await_beginning, begun_last as begun_last
from .follow_loop import follow as follow, look_until_end as look_until_end
from .followed_study import FollowedStudy as FollowedStudy
