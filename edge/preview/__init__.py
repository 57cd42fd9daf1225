"""The live web page of `classify --preview`: served from a thread of its own, to a few viewers.

Importing the package needs nothing but what `edge` needs; `edge.preview.server` needs the [preview]
extra.
"""
