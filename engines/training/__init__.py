"""Making the brand models: synthetic pictures, training with PyTorch, export to ONNX. Never shipped."""
