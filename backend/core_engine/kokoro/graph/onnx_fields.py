"""The numbers of the fields of ONNX messages that graphs are made of. Source: onnx.proto."""

# ModelProto and OperatorSetIdProto
MODEL_IR_VERSION, MODEL_GRAPH, MODEL_OPSET = 1, 7, 8
OPSET_DOMAIN, OPSET_VERSION = 1, 2

# GraphProto
NODE, GRAPH_NAME, INITIALIZER, GRAPH_INPUT, OUTPUT, VALUE = 1, 2, 5, 11, 12, 13

# NodeProto
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_KIND, NODE_ATTRIBUTE, NODE_DOMAIN = 1, 2, 3, 4, 5, 7

# AttributeProto and ValueInfoProto
NAME = 1
FLOAT, INT, STRING, GRAPH, INTS, GRAPHS, TYPE = 2, 3, 4, 6, 8, 11, 20
TYPE_FLOAT, TYPE_INT, TYPE_GRAPH, TYPE_INTS = 1, 2, 5, 7

# ValueInfoProto, TypeProto, its Tensor, and TensorShapeProto
VALUE_TYPE, TENSOR_TYPE, VALUE_SHAPE, DIMENSION = 2, 1, 2, 1

# TensorProto
DIMS, ELEMENT, FLOAT_DATA, INT32_DATA, INT64_DATA, TENSOR_NAME, RAW = 1, 2, 4, 5, 7, 8, 9

FLOAT32 = 1
ELEMENTS = {FLOAT32: "<f4", 2: "u1", 3: "i1", 7: "<i8"}
"""Element type of a tensor → the type of its array, for those that are read and written here."""
