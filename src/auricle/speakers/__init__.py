"""Who said what: voices told apart in a recording, and words given to them."""

from auricle.system import lean_openvino

lean_openvino.leave_out_converter()
