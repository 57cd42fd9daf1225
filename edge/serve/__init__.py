"""`edgetl serve`: pictures posted to this device, classified. Its page is for trying it."""
