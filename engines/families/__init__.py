"""Families of detection networks: how a published ONNX file is made to answer as the bundled models do."""
