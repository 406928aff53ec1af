"""The experiments that sweeps know by name: functions of a generator and parameters."""
