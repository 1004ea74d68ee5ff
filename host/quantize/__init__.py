"""The routes from a model to a checked full-int8 .tflite."""
