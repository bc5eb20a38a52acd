"""The running DeepStream pipeline: elements, bus, sources, valves, outputs."""
