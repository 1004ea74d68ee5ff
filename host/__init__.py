"""flash-and-eval: does my board compute what I trained, and if not, why?"""

__version__ = "0.1.0"
