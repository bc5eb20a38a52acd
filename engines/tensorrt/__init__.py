"""TensorRT engines: building, naming, calibration, agreement with the CPU."""
