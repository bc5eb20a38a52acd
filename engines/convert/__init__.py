"""Conversion of published weights to ONNX, and of our networks to 8 bits."""
