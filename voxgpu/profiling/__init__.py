"""Where the time of a run goes: shares, tables and traces of recorded spans."""
