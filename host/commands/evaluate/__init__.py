"""`flash-and-eval`: does the board compute what was trained?"""
