"""All that touches PyMOL's objects: reading, writing, colours, what is shown, and the one watch that looks at them."""
