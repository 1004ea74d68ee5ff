"""PlatformIO runs this file with its own interpreter as if it were its SCons package."""

import sys

from SCons.Script.Main import main

sys.exit(main())
