"""Broken .tflite files."""
