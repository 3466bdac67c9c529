"""The fields of a request as a client wrote them, read by the table in ``auricle.fields``."""
