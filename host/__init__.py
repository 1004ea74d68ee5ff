"""flash-and-eval: does my board compute what I trained, and if not, why?"""

import os

__version__ = "0.1.0"

# What ``tf.keras`` means does not depend on what was imported first: tfmot asks for the same.
# Without it, TensorFlow imports all of Keras 3, which takes a fifth of its start.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
