"""How fast the library is beside its yardsticks: ``python -m benchmarks`` prints one table.

Run it on an idle machine; ``python -m benchmarks busy`` says what happens on one that is not. Yardsticks that torch
shares between threads of its own are slower there than on one thread: these wait for each other by spinning.
"""
