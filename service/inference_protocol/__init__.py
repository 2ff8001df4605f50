"""The Open Inference Protocol (V2, REST), for clients of KServe, Triton, MLServer and others.

Each column, and each field of the response, is a tensor of shape [n] or [n, 1]. Rows are scored, explained and recorded
as by `POST /v1/{name}/batch`. Choices where the protocol leaves room:

* A missing value is null, NaN in a floating-point tensor, or an empty string in a BYTES tensor (except for columns of
  kind text). The tensor of an optional column may be left out.
* BYTES are strings; times are ISO 8601. Levels and IDs that are integers may be sent as integers.
* Numbers keep the precision of JSON; they are not rounded to FP32 or FP16.
* An invalid value fails the whole request, and the error names every one by tensor and index, counted from 0. Events
  (rows of tables with windows) are stored one by one; valid ones count once if the request is sent again.
* The parameter `reasons` is "adverse", "all" or "none", as in /v1; other parameters are ignored.
* Fields that are lists or objects are BYTES, each element a JSON document.
* The champion is the only version that can be requested by number.
* Data is JSON. Binary tensors are refused, and outputs are JSON even if the client accepts binary ones.

See https://github.com/kserve/open-inference-protocol.
"""
