from .points import NearCopy as NearCopy, cells as cells, near_copies as near_copies, spread as spread
