"""Files of transactions, one module a format, pure: text in, entries and refusals out.

`files` makes a table of an upload, `formats` finds whose it is by its header, and the module of
that format turns its rows into entries. What a row names is what the file wrote: which asset a
ticker means is not decided here.
"""
