from .joint import (
    JointLeaderboard as JointLeaderboard,
    joint_leaderboard_of as joint_leaderboard_of,
    leaderboards_of as leaderboards_of,
    on_same_images as on_same_images,
    why_apart as why_apart,
)
from .joint_table import joint_table_of as joint_table_of
