"""Conversion of published weights to ONNX."""
