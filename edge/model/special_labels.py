"""Labels that are no classes. Imports nothing: options refer to them."""

# A picture that is like none of the classes.
UNKNOWN = "unknown"
# A result whose best class is not probable enough.
UNSURE = "unsure"
# Folders of what is none of the classes, in any case.
EXAMPLES_OF_UNKNOWN = ("none", "other", "unknown", "background")
