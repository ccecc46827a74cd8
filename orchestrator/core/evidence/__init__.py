"""What is handed to auditors: the evidence of a run or drill, and the hash-chained audit log."""
