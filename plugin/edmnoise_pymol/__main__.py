"""python -m edmnoise_pymol install | uninstall | status"""

from edmnoise_pymol.install import main

main()
