from .follow_loop import follow as follow
