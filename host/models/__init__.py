"""What a user brings: models, data sets, and reading a .tflite."""
