from .following_page import follow_page as follow_page
from .page_observer import PageObserver as PageObserver
