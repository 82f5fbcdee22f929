"""What listens inside other programs: the standard library and NumPy alone, in any Python from 3.10.

Nothing here imports what stands outside this folder. A copy of it records where edmnoise is not installed, and
``inside/sitecustomize.py`` loads it by its path into the processes of a recorded command. ``docs/traces.rst`` describes
the folders that are written.
"""
