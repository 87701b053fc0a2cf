"""The door of admission: bytes of an AdmissionReview to bytes of its answer, behind TLS, failing closed.

Front process: TLS, HTTP, probes, metrics, the log. Worker processes: decisions. `nursery` makes workers, `pool` shares
the questions out, `handler` answers one. Nothing here names an adapter; `assembly` hands in what is needed.
"""
