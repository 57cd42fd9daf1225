"""What a device has seen, sorted by a person into the photos of the next training."""
