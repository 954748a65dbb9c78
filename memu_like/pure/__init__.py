"""No input or output, no await, no clock: values in, values out."""
