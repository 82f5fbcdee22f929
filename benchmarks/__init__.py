"""How fast the library is beside its yardsticks: ``python -m benchmarks`` prints one table.

Run it on an idle machine. Threads that wait for each other spin, so that with other work on the same cores two threads
are slower than one: superposing took 23 ms on two idle cores, and 250 to 1,500 ms where both were busy (one thread: 28
and 60 ms). OMP_WAIT_POLICY=PASSIVE makes that 35 and 70 to 150 ms.
"""
