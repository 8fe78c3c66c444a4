"""The parts of AWS that the meter runs on, in memory and in virtual time, with their faults."""
