"""Measures what trainer and edge made: accuracy and latency beside the Keras model."""
