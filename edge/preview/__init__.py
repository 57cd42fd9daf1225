"""The live web page of `classify --preview`, served from a thread to a few viewers.

`server` and `access` need the [preview] extra; the other modules do not.
"""
