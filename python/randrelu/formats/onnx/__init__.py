"""ONNX files: read as layers, and written from them."""

from randrelu.formats.onnx.read import read_onnx
from randrelu.formats.onnx.write import onnx_bytes

__all__ = ["onnx_bytes", "read_onnx"]
