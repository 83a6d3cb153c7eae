"""How deep networks are optimised: the package behind the course.

An optimiser is a rule; a framework is a shell. A rule (`course_lib.rules`) is a module with `init(p)` and
`step(p, g, s, *, lr)`, and runs unchanged on floats, NumPy arrays, torch tensors and JAX tracers. `torch_optim` and
`jax_optim` are the two shells. Nothing heavy is imported here, so that `python -m course_lib` starts on a bare Python.
"""
