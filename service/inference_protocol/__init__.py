"""The Open Inference Protocol (V2, REST) beside our own endpoints, for clients of KServe, Triton, MLServer and others.

A column is a tensor of shape [n] or [n, 1], and so is a field of the answers; rows are answered, recorded and explained
as those of `POST /v1/{name}/batch` are. What the protocol leaves open:

* No value is null, NaN in a tensor of floating-point numbers, an empty text in one of BYTES (but in columns of kind
  text), or the tensor left out for all rows, where the column is optional.
* BYTES are texts; a time is ISO 8601. A level or an id that is a whole number may come as one.
* Numbers are taken as JSON spells them, and not rounded to FP32 or FP16.
* A bad value refuses the whole request, and the error names every bad value by tensor and place, counted from 0.
  Events (rows of tables with windows) are stored one by one; those that were good count once if they are sent again.
* The parameter `reasons` is "adverse", "all" or "none" and means what it means in /v1; other parameters are ignored.
* Fields that are lists or objects come as BYTES, each element a JSON document.
* The only version that can be asked for is the one that answers as champion.
* Data comes and goes as JSON. A tensor in binary form is refused; outputs are JSON even for a client that would take
  them in binary form.

See https://github.com/kserve/open-inference-protocol.
"""
