"""The exercises of the course, one module a lesson; `base` says what an exercise is."""
