"""`edgetl teach`: a model file learns classes and corrections on the device."""
