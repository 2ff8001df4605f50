"""Encoding of a table's columns as inputs of the network.

A block is fitted on the training rows and then encodes raw values as float32 features. Frames and single rows use the
same arithmetic, limited to operations with a unique IEEE 754 result (+ - * / sqrt, comparisons, table look-ups): a row
has the same bits from a frame and from a request, alone and in a batch.
"""

from models.encoding.arrays import EncodedRows as EncodedRows
from models.encoding.arrays import Features as Features
from models.encoding.arrays import joined as joined
from models.encoding.table_encoder import TableEncoder as TableEncoder
