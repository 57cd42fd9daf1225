"""Training on the pictures of an index: features of all of them in shards, photos for the rest."""
