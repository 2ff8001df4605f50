"""How the columns of a table become numbers for the network.

A block learns from the training rows, then turns raw values into float32 features. Frames and single rows take the same
arithmetic: only operations that IEEE 754 rounds in one way (+ - * / sqrt, comparisons, table look-ups), so that a row
has the same bits whichever way it came and however many rows came with it.
"""

from models.encoding.arrays import Features as Features
from models.encoding.table_encoder import TableEncoder as TableEncoder
