"""Is this device fit to classify? What `edgetl doctor` finds, and the remedy for each.

Nothing here imports NumPy, OpenCV, Pillow or a runtime: where they are missing or broken is where a
doctor is wanted. They are loaded in subprocesses, which may crash.
"""
