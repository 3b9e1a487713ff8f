"""Whether your own network repeats: it is trained a little, in several ways that have to give the same bits."""
